"""Operations on backfills and on the versions of DAGs."""
