/// What is known of an erasure: the receipt of `DELETE /v1/users/ID`.
package struct ErasureView: Sendable, Equatable {
    package var receipt: String
    package var requestedAt: EventTime
    /// Nil while traces may still be in files.
    package var doneAt: EventTime?
    /// When it is to be done at the latest, by `retention.erase_within`; nil once it is.
    package var dueAt: EventTime?
    /// So far, or in all.
    package var removed: Removed

    package init(
        receipt: String, requestedAt: EventTime, doneAt: EventTime?, dueAt: EventTime?, removed: Removed
    ) {
        self.receipt = receipt
        self.requestedAt = requestedAt
        self.doneAt = doneAt
        self.dueAt = dueAt
        self.removed = removed
    }

    /// What was taken away for it, or for all erasures of its round.
    package struct Removed: Sendable, Equatable {
        /// Events of the user that the state had counted.
        package var events: Int64 = 0
        package var triggers: Int64 = 0
        package var deadLetters: Int64 = 0
        /// Of the round: journal segments gone from the journal, their bytes, snapshots written anew.
        package var journalSegments: Int64 = 0
        package var journalBytes: Int64 = 0
        /// Archived segments written anew.
        package var archivedSegments: Int64 = 0
        package var snapshots: Int64 = 0
        /// Nil where the files were not searched for the id.
        package var search: Search?

        package init() {}

        /// Every count with its name.
        package static var counts: [(String, WritableKeyPath<Removed, Int64>)] {
            [
                ("events", \.events), ("triggers", \.triggers), ("dead_letters", \.deadLetters),
                ("journal_segments", \.journalSegments), ("journal_bytes", \.journalBytes),
                ("archived_segments", \.archivedSegments), ("snapshots", \.snapshots),
            ]
        }
    }

    /// A search of the data directory for the bytes of the id, afterwards.
    package struct Search: Sendable, Equatable {
        package var bytes: Int64
        /// Places found; other ids that contain this one count too.
        package var found: Int64

        package init(bytes: Int64, found: Int64) {
            self.bytes = bytes
            self.found = found
        }
    }
}

/// A finished backup.
package struct BackupView: Sendable, Equatable {
    package var directory: String
    /// Last journal record in it.
    package var record: UInt64
    package var files: Int64
    package var bytes: Int64
    package var seconds: Double

    package init(directory: String, record: UInt64, files: Int64, bytes: Int64, seconds: Double) {
        self.directory = directory
        self.record = record
        self.files = files
        self.bytes = bytes
        self.seconds = seconds
    }
}
