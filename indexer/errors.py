"""Every error a user can cause or meet: a fact plus a remedy, in one line.

SightseekError
├── UsageError              the request cannot mean anything (exit code 2)
├── PathNotFoundError       a path that was named is not there
├── DecodeError             the bytes are no photo that can be read
│   ├── NotAPhotoError      ... and nothing about the file says that they should be
│   └── UnreadableError     the file could not be read just now: permissions, a disk that fails
├── WorkerError             a process that decodes photos ended before its work did
├── CaptionsError           a captions file has the wrong shape
├── LabelsError             a file of labels has the wrong shape
├── SidecarError            an XMP sidecar cannot be written
├── ModelError              an encoder cannot be had
│   ├── UnknownModelError   no model goes by that name
│   ├── BundleError         a bundle is incomplete, damaged or of another format
│   ├── CheckpointError     a file holds no weights, not only weights, or those of another model
│   ├── HubError            weights could not be had from the hub
│   └── ExportError         a model cannot become a bundle, and still runs in torch
├── TrainingError           a collection from which no model can be trained
├── LibraryError            a library cannot be used
│   ├── LibraryNotFoundError
│   ├── LibraryBusyError    another process is writing
│   ├── LibraryDamagedError
│   ├── LibraryVersionError written by a newer sightseek
│   └── SpaceMismatchError  vectors of two models would meet
├── QueryError              a query cannot be answered
├── ShortfallError          figures are below what was asked of them
├── FetchError              a photo's URL could not be read
├── AddressError            no server can listen there
└── MissingExtraError       packages that a command needs are not installed
"""

from __future__ import annotations


class SightseekError(Exception):
    """A problem that its message explains and that the user can act on."""


class UsageError(SightseekError):
    """The request cannot mean anything."""


class PathNotFoundError(SightseekError):
    """A path that was named is not there."""


class DecodeError(SightseekError):
    """The bytes are no photo that can be read."""


class NotAPhotoError(DecodeError):
    """The bytes are no photo, and the file's name does not claim so."""


class UnreadableError(DecodeError):
    """The file could not be read just now; its content may be sound."""


class WorkerError(SightseekError):
    """A process that decodes photos ended before its work did."""


class CaptionsError(SightseekError):
    """A captions file has the wrong shape."""


class LabelsError(SightseekError):
    """A file of labels has the wrong shape."""


class SidecarError(SightseekError):
    """An XMP sidecar cannot be written without losing what is in it, or at all."""


class ModelError(SightseekError):
    """An encoder cannot be had."""


class UnknownModelError(ModelError):
    """No model goes by that name."""


class BundleError(ModelError):
    """A bundle is incomplete, damaged or of another format."""


class CheckpointError(ModelError):
    """A file holds no weights, not only weights, or those of another model."""


class HubError(ModelError):
    """A file could not be had from the hub."""


class ExportError(ModelError):
    """A model cannot become a bundle that answers as it does; torch still runs it."""


class TrainingError(SightseekError):
    """A collection from which no model can be trained."""


class LibraryError(SightseekError):
    """A library cannot be used."""


class LibraryNotFoundError(LibraryError):
    """There is no library at that path."""


class LibraryBusyError(LibraryError):
    """Another process is writing to the library."""


class LibraryDamagedError(LibraryError):
    """The library's catalog cannot be read."""


class LibraryVersionError(LibraryError):
    """The library was written by a newer sightseek."""


class SpaceMismatchError(LibraryError):
    """Vectors of two models would meet."""


class QueryError(SightseekError):
    """A query cannot be answered."""


class ShortfallError(SightseekError):
    """Figures are below what was asked of them."""


class FetchError(SightseekError):
    """A photo's URL could not be read."""


class AddressError(SightseekError):
    """No server can listen there."""


class MissingExtraError(SightseekError):
    """Packages that a command needs are not installed."""
