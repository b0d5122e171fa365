"""Calls and voicemails: transcripts of speech services, and recordings that an engine of yours transcribes."""
