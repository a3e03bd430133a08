"""Errors the user can do something about; the message says what, where and what to do."""


class LaunchError(Exception):
    """A run that cannot be started; the message says why and what to do."""


class TakenError(LaunchError):
    """A run that another process works on."""


class RemoteCodeError(LaunchError):
    """A run of elsewhere that lets code run, which the user has not agreed to."""
