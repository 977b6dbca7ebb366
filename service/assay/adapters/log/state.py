"""The state folder: database, checkpoint key, last checkpoint, lock and socket of one decision log."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.domain.errors import ConfigError, EvidenceRejected, InvalidInput
from assay.tlog.checkpoint import verify_checkpoint
from assay.tlog.note import SigningKey, VerifierKey

_LONGEST_SOCKET_PATH = 107  # what sun_path of a unix socket can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """Where the files of a log are; `folder` is absolute."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.folder / "log.db"

    @property
    def key(self) -> Path:
        """The secret key that signs checkpoints."""
        return self.folder / "checkpoint.key"

    @property
    def verifier_key(self) -> Path:
        """The text form of the public half."""
        return self.folder / "checkpoint.pub"

    @property
    def checkpoint(self) -> Path:
        """A checkpoint outside the database, kept once a second while the log grows."""
        return self.folder / "checkpoint"

    @property
    def latest(self) -> Path:
        """The last checkpoint, as the sequencer notes it after every batch."""
        return self.folder / "checkpoint.latest"

    @property
    def socket(self) -> Path:
        """Where the sequencer listens."""
        return self.folder / "sequencer.sock"

    @property
    def lock(self) -> Path:
        """Held by the one sequencer."""
        return self.folder / "sequencer.lock"

    def read_checkpoints(self, key: VerifierKey) -> tuple[str, ...]:
        """What is remembered: the kept checkpoint, unverified, and the latest one, which `key` signed.

        None of them when the kept one is gone, and only that one while the latest is not whole.
        """
        kept, latest = self.read_kept(), _read_text(self.latest)
        if kept is None:
            return ()
        try:
            verify_checkpoint(latest or "", key)
        except EvidenceRejected:  # it was read while it was written, or the power failed meanwhile
            return (kept,)
        return (kept, latest or "")

    def read_kept(self) -> str | None:
        """The kept checkpoint, unverified; None when there is no such file."""
        return _read_text(self.checkpoint)

    def keep_checkpoint(self, note: str) -> None:
        """Keep a checkpoint on the disk; a reader finds the old or the new one, whole."""
        _replace(self.checkpoint, note.encode(), mode=0o600)

    def forget_latest(self) -> None:
        """Forget the latest checkpoint of another log that was in this folder."""
        self.latest.unlink(missing_ok=True)

    def read_key(self, origin: str) -> SigningKey | None:
        """The checkpoint key, None before the first start.

        Raises `ConfigError(checkpoint_key_unsafe | checkpoint_key_malformed | origin_mismatch)`.
        """
        text = _read_text(self.key)
        if text is None:
            return None
        if stat.S_IMODE(self.key.stat().st_mode) & 0o077:
            raise ConfigError(
                "checkpoint_key_unsafe", f"others can read {self.key}", remedy="make a new log, or chmod 600 the file"
            )
        try:
            key = SigningKey.parse(text)
        except InvalidInput as error:
            raise ConfigError("checkpoint_key_malformed", error.message, remedy=error.remedy) from error
        if key.name != origin:
            raise ConfigError(
                "origin_mismatch",
                f"the log in {self.folder} is {key.name}, not {origin}",
                remedy="set the origin back, or use another state folder",
            )
        return key

    def write_key(self, key: SigningKey) -> None:
        """Write the key pair, the secret half last: when it exists, everything else does."""
        self.write_verifier_key(key)
        _replace(self.key, f"{key.render_secret()}\n".encode(), mode=0o600)

    def write_verifier_key(self, key: SigningKey) -> None:
        """Write the public half."""
        _replace(self.verifier_key, f"{key.verifier_key}\n".encode(), mode=0o644)


def open_state(path: Path) -> StateFolder:
    """The state folder, made with mode 0700 when it is missing.

    Raises `ConfigError(state_folder_unsafe)` when it is not ours alone, `ConfigError(state_folder_unusable)` when it
    cannot be made or its name is too long for a unix socket.
    """
    state = StateFolder(folder=path.absolute())
    if len(os.fsencode(state.socket)) > _LONGEST_SOCKET_PATH:
        raise ConfigError(
            "state_folder_unusable",
            f"the name of {state.socket} is too long for a unix socket",
            remedy=f"choose a state folder so that it has at most {_LONGEST_SOCKET_PATH} bytes",
        )
    try:
        state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = state.folder.lstat()
    except OSError as error:
        raise ConfigError(
            "state_folder_unusable", f"{state.folder}: {error.strerror}", remedy="choose a folder that can be made"
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != 0o700:
        raise ConfigError(
            "state_folder_unsafe",
            f"{state.folder} is not a folder of ours alone",
            remedy="give it to the user of the service and chmod it to 0700",
        )
    return state


@contextmanager
def hold_lock(state: StateFolder) -> Iterator[None]:
    """Be the one sequencer of this folder; `ConfigError(sequencer_running)` when there is one.

    The kernel releases the lock with the process that holds it, however that ends.
    """
    descriptor = os.open(state.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                "sequencer_running",
                f"another sequencer writes the log in {state.folder}",
                remedy="stop it first: a log has one writer",
            ) from error
        yield
    finally:
        os.close(descriptor)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return None


def _replace(path: Path, octets: bytes, *, mode: int) -> None:
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(octets)
        file.flush()
        os.fdatasync(descriptor)
    fresh.replace(path)
