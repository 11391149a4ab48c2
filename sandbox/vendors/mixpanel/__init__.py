"""A local Mixpanel: raw export, import, track, profiles and groups, per project."""
