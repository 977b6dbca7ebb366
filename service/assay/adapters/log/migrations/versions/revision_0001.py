"""Create the decision log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table; generation 1."""
    _create_decisions()
    _create_tree()
    _create_contents()
    op.execute("PRAGMA user_version = 1")


def _create_decisions() -> None:
    text = ("kind", "time", "tenant", "environment", "verdict")
    digests = ("input", "report", "policy", "rule_data", "trust_root", "opa")
    op.create_table(
        "decision",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("leaf_index", COUNT, nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in text),
        sa.Column("retryable", sa.Integer, nullable=False),
        sa.Column("dry_run", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in digests),
        sa.Column("source_commit", sa.Text, nullable=False),
        sa.Column("service_version", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
    )
    op.create_index("decision_tenant_time", "decision", ["tenant", "time"])
    op.create_index("decision_verdict_time", "decision", ["verdict", "time"])
    op.create_index("decision_policy", "decision", ["policy"])
    op.create_table(
        "image",
        sa.Column("decision_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("image_digest", "image", ["digest"])
    op.create_index("image_name", "image", ["name"])
    op.create_table(
        "finding",
        sa.Column("decision_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("code", "status", "severity", "term", "time")),
    )
    op.create_index("finding_code_time", "finding", ["code", "time"])


def _create_tree() -> None:
    op.create_table(
        "leaf",
        sa.Column("idx", COUNT, primary_key=True, autoincrement=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "node",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("idx", COUNT, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", COUNT, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )


def _create_contents() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", COUNT, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "preimage",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
    )
