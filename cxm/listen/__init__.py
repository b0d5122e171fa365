"""How we hear: surveys and channels. It writes facts to the log and never asks it what they mean."""
