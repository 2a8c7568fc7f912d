"""Operations about plugins, providers, extra links and deadlines."""
