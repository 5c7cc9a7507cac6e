"""The admin API, `/api/v1`: one file per resource. Imported when it is first asked for, so no agent waits for it."""
