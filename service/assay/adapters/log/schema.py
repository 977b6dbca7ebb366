"""Tables of the decision log.

A decision, its images, findings, leaf, tree nodes and contents and the signed checkpoint are written in one
transaction; nothing is ever updated, and only `preimage` rows may ever be deleted. Every column can be checked against
a signed leaf, so none is here that could not be.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

GENERATION = 1
"""What `PRAGMA user_version` says of this schema; readers refuse any other."""

METADATA = MetaData()
COUNT = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; in SQLite the word must be INTEGER for a primary key to be the row's own number."""

DECISION = Table(
    "decision",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("leaf_index", COUNT, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("retryable", Integer, nullable=False),
    Column("dry_run", Integer, nullable=False),
    Column("input", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("rule_data", Text, nullable=False),
    Column("trust_root", Text, nullable=False),
    Column("opa", Text, nullable=False),
    Column("source_commit", Text, nullable=False),
    Column("service_version", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Index("decision_tenant_time", "tenant", "time"),
    Index("decision_verdict_time", "verdict", "time"),
    Index("decision_policy", "policy"),
)

IMAGE = Table(
    "image",
    METADATA,
    Column("decision_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("image_digest", "digest"),
    Index("image_name", "name"),
)

FINDING = Table(
    "finding",
    METADATA,
    Column("decision_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("code", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("term", Text, nullable=False),
    Column("time", Text, nullable=False),
    Index("finding_code_time", "code", "time"),
)

LEAF = Table(
    "leaf",
    METADATA,
    Column("idx", COUNT, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
)

NODE = Table(
    "node",
    METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", COUNT, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("size", COUNT, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
)

BLOB = Table(
    "blob",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", COUNT, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

PREIMAGE = Table(
    "preimage",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)
