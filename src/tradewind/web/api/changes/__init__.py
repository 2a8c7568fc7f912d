"""Operations that change task instances: clearing and marking."""
