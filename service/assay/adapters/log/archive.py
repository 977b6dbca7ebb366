"""Reading the log: by workers, over connections that cannot write, and checked on every read."""

from pathlib import Path

from sqlalchemy import ColumnElement, RowMapping, and_, literal, select, true

from assay.adapters.log.connection import open_reader, snapshot
from assay.adapters.log.inspection import (
    SignedHead,
    StoredRows,
    check_columns,
    check_leaf,
    check_record,
    load_rows,
    load_signed_head,
    read_leaf,
    require_index,
)
from assay.adapters.log.nodes import require_octets
from assay.adapters.log.schema import DECISION, FINDING, IMAGE, LEAF, NODE
from assay.adapters.log.state import StateFolder
from assay.adapters.log.walk import walk_log
from assay.domain.errors import RecordCorrupt, RecordPart, Unavailable
from assay.domain.record import Damage, DecisionFilter, DecisionPage, Leaf, LoggedDecision, StoredDecision, WalkPage
from assay.tlog.canonical import render_time
from assay.tlog.merkle import leaf_hash
from assay.tlog.note import VerifierKey
from assay.tlog.proof import render_proof

MOST_LISTED = 1000


class Archive:
    """The decisions in a state folder; it holds no connection between calls and may be carried over a fork.

    `verifier_key` is the text form of the log's key. Every method raises `Unavailable(database_unavailable)` when the
    database cannot be read, and `RecordCorrupt` as it says. `tenant` restricts to one tenant's decisions, None to none.
    """

    def __init__(self, folder: Path, verifier_key: str) -> None:
        self._state = StateFolder(folder=folder.absolute())
        self._key = VerifierKey.parse(verifier_key)
        self._engine = open_reader(self._state.database)

    def list_decisions(
        self, wanted: DecisionFilter, *, tenant: str | None, limit: int, before: int | None = None
    ) -> DecisionPage:
        """At most `limit` (1 to 1000) decisions below the index `before`, newest first.

        Columns are compared with the leaf, and the leaf with its stored hash; what differs is reported as damage.
        """
        if not 1 <= limit <= MOST_LISTED:
            raise ValueError(f"a page has 1 to {MOST_LISTED} decisions, not {limit}")
        joined = DECISION.outerjoin(LEAF, LEAF.c.idx == DECISION.c.leaf_index).outerjoin(
            NODE, and_(NODE.c.level == 0, NODE.c.idx == DECISION.c.leaf_index)
        )
        query = (
            select(DECISION, LEAF.c.bytes.label("leaf"), NODE.c.hash.label("node"))
            .select_from(joined)
            .where(_condition(wanted), DECISION.c.tenant == tenant if tenant is not None else true())
            .where(DECISION.c.leaf_index < before if before is not None else true())
            .order_by(DECISION.c.leaf_index.desc())
            .limit(limit + 1)
        )
        with snapshot(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        listed = [_read_listed(row) for row in rows[:limit]]
        return DecisionPage(
            decisions=tuple(item for item in listed if isinstance(item, LoggedDecision)),
            damages=tuple(item for item in listed if isinstance(item, Damage)),
            next=rows[limit - 1]["leaf_index"] if len(rows) > limit else None,
        )

    def get_decision(self, decision_id: str, *, tenant: str | None) -> StoredDecision | None:
        """The whole decision, every part of it checked; None when there is none of this id (and tenant).

        Raises `RecordCorrupt` naming the part that is not what was committed to.
        """
        with snapshot(self._engine) as connection:
            found = load_rows(connection, DECISION.c.id == decision_id)
            if not found or tenant not in {None, found[0].decision["tenant"]}:
                return None
            head = load_signed_head(connection, self._key)
            rows = found[0]
            octets = _require_leaf(rows, head)
            proof = check_leaf(connection, index=rows.index, octets=octets, head=head)
            record = check_record(connection, rows)
        return StoredDecision(
            index=rows.index,
            leaf=record.leaf,
            octets=record.octets,
            findings=record.report.findings,
            gaps=record.report.gaps,
            rejected=record.report.rejected,
            document=record.document,
            preimage=record.preimage,
            proof=render_proof(proof),
        )

    def get_proof(self, decision_id: str, *, tenant: str | None) -> str | None:
        """The `.tlog-proof` of a decision that was checked as `get_decision` does; None when there is none."""
        decision = self.get_decision(decision_id, tenant=tenant)
        return None if decision is None else decision.proof

    def walk(self, start: int, limit: int) -> WalkPage:
        """Re-hash and check `limit` leaves from `start` on; the last page also checks the counts of the whole log.

        Damage is returned, not raised.
        """
        remembered = self._read_remembered()  # before the snapshot, so that it cannot be the newer one
        try:
            with snapshot(self._engine) as connection:
                return walk_log(connection, self._key, remembered, start=start, limit=limit)
        except RecordCorrupt as error:
            damage = Damage(part=error.part, index=None, id="", detail=error.message)
            return WalkPage(next=None, size=0, damages=(damage,))

    def _read_remembered(self) -> tuple[str, ...]:
        try:
            return self._state.read_checkpoints(self._key)
        except OSError as error:
            raise Unavailable(
                "database_unavailable",
                f"{self._state.checkpoint} cannot be read: {error.strerror}",
                remedy="give the state folder to the user of the service",
            ) from error


def _condition(wanted: DecisionFilter) -> ColumnElement[bool]:
    equal = {
        "tenant": wanted.tenant,
        "environment": wanted.environment,
        "verdict": wanted.verdict and wanted.verdict.value,
        "kind": wanted.kind and wanted.kind.value,
        "policy": wanted.policy and wanted.policy.text,
    }
    conditions = [DECISION.c[name] == value for name, value in equal.items() if value]
    if wanted.since is not None:
        conditions.append(DECISION.c.time >= render_time(wanted.since))
    if wanted.until is not None:
        conditions.append(DECISION.c.time < render_time(wanted.until))
    if wanted.image:
        conditions.append(DECISION.c.id.in_(select(IMAGE.c.decision_id).where(IMAGE.c.name == wanted.image)))
    if wanted.digest is not None:
        conditions.append(DECISION.c.id.in_(select(IMAGE.c.decision_id).where(IMAGE.c.digest == wanted.digest.text)))
    if wanted.code:
        conditions.append(DECISION.c.id.in_(select(FINDING.c.decision_id).where(FINDING.c.code == wanted.code)))
    return and_(literal(value=True), *conditions)


def _read_listed(row: RowMapping) -> LoggedDecision | Damage:
    index: object = row["leaf_index"]
    number = index if isinstance(index, int) else None
    try:
        return LoggedDecision(index=require_index(row), leaf=_check_listed(row, require_index(row)))
    except RecordCorrupt as error:
        return Damage(part=error.part, index=number, id=str(row["id"]), detail=error.message)


def _check_listed(row: RowMapping, index: int) -> Leaf:
    octets = require_octets(row["leaf"], RecordPart.LEAF)
    if leaf_hash(octets) != row["node"]:
        raise RecordCorrupt(RecordPart.LEAF, f"leaf {index} is not the one that was hashed")
    leaf = read_leaf(octets, index)
    check_columns(row, leaf, index)
    return leaf


def _require_leaf(rows: StoredRows, head: SignedHead) -> bytes:
    if rows.leaf is None:
        part = RecordPart.LEAF if 0 <= rows.index < head.checkpoint.size else RecordPart.INDEX
        raise RecordCorrupt(part, f"decision {rows.decision['id']} has no leaf at its index {rows.index}")
    return require_octets(rows.leaf, RecordPart.LEAF)
