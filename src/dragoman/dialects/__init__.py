"""How things are said on the wire: one folder per dialect, each pure, bytes in and events out and back.

What several wires share stands beside their folders. Of reading: `take`, `body`, `sse`, `framed`, `think_tags`,
`data_urls`. Of writing: `pen`, `names`, `offering`, `free_text`, `documents`, `efforts`, `identity`, `encoding`. Of
both: `pairs`, `carrier`, `typed_tools`, and the errors that are said as OpenAI says them, `error_objects` with
`error_kinds`.
"""
