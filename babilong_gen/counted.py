"""Numbers of things in messages: `1 shard`, `2 shards`."""


def counted(number: int, thing: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "shard"), counted(1200, "shard")
    ('1 shard', '1,200 shards')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
