"""A local LaunchDarkly: segments and flags by REST, and the plane that SDKs read."""
