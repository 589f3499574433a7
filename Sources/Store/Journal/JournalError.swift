/// Why the journal could not be opened, read or written.
package enum JournalError: Error, Equatable, Sendable {
    /// No room for the waiting records: they were rolled back on disk and are kept in memory, so that
    /// `commit` may be called again later.
    case noSpace(path: String)
    /// A write or fsync failed otherwise. The journal takes nothing more: what is on disk is unknown
    /// until it is opened anew.
    case fatal(FileError)
    /// A file could not be listed, opened, read or removed.
    case file(FileError)
    /// A record or header is damaged although it was complete once; `offset` is where it begins.
    case corrupt(path: String, offset: Int64, damage: JournalDamage)
    /// Records are needed that no file has.
    case missing(directory: String, from: UInt64, through: UInt64)
    /// The file belongs to another store.
    case foreign(path: String)
    /// Written by a newer program.
    case newerFormat(path: String, found: UInt32, known: UInt32)
}

/// What is wrong with a place in a segment file.
package enum JournalDamage: String, Sendable {
    case header = "the file's header is damaged"
    case headerNumber = "the header's first record number is not the file name's"
    case cutShort = "the record is longer than the rest of the file"
    case checksum = "the record's checksum does not match"
    case number = "the record's number does not follow the one before"
    case overlap = "the file holds records that the next file holds, too"
}

extension JournalError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSpace(let path): "no room on disk for \(path)"
        case .fatal(let error): "the journal cannot be written: \(error)"
        case .file(let error): "journal: \(error)"
        case .corrupt(let path, let offset, let damage):
            "\(path) is corrupt at byte \(offset): \(damage.rawValue)"
        case .missing(let directory, let from, let through):
            "\(directory) lacks the records \(from) to \(through)"
        case .foreign(let path): "\(path) belongs to another store"
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found), written by a newer version; this one knows up to \(known)"
        }
    }
}
