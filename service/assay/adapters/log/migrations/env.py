"""Run migrations on the connection that the sequencer hands over, inside its transaction."""

from alembic import context

from assay.adapters.log.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
