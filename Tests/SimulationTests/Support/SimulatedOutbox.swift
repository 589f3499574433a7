import Core
import Store

/// The outbox as the rest of the daemon sees it: all or none of a commit, numbers without gaps, and the
/// last record it holds, which moves on disk only with triggers or when it is held.
///
/// Stands in for SQLite, whose files are not on the simulated disk. A commit is the atomic replacement of
/// one file there: whatever the power cut leaves is the old state or the new one. That SQLite gives as
/// much is not shown here but by killing the built daemon at every call.
struct SimulatedOutbox {
    private(set) var rows: [String] = []
    private(set) var lastRecord: UInt64 = 0
    private var storedRecord: UInt64 = 0
    private let disk: any FileSystem

    static let directory = "/outbox"
    private static let name = "outbox"

    init(_ disk: any FileSystem) throws {
        self.disk = disk
        try disk.createDirectory(Self.directory)
        try disk.removeTemporaries(in: Self.directory)
        guard try disk.list(Self.directory).contains(Self.name) else { return }
        let bytes = try disk.open("\(Self.directory)/\(Self.name)", .read).readAll()
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard let record = lines.first.flatMap({ UInt64($0) }) else { throw Finding("the outbox is damaged") }
        storedRecord = record
        lastRecord = storedRecord
        rows = Array(lines.dropFirst())
    }

    /// Takes the triggers of the records up to one; what it holds already is passed over.
    mutating func append(
        through record: UInt64, _ triggers: [(record: UInt64, triggers: [Trigger])]
    ) throws(FileError) {
        guard record > lastRecord else { return }
        var next = rows
        for batch in triggers where batch.record > lastRecord {
            for trigger in batch.triggers { next.append(Self.row(trigger, next.count + 1)) }
        }
        if next.count > rows.count { try store(next, record) }
        rows = next
        lastRecord = record
    }

    mutating func holdPosition() throws(FileError) {
        if storedRecord < lastRecord { try store(rows, lastRecord) }
    }

    private mutating func store(_ rows: [String], _ record: UInt64) throws(FileError) {
        let text = (["\(record)"] + rows).joined(separator: "\n")
        try Array(text.utf8).withUnsafeBufferPointer { (buffer) throws(FileError) in
            try disk.replace(Self.name, in: Self.directory, with: [UnsafeRawBufferPointer(buffer)])
        }
        storedRecord = record
    }

    /// Everything of a trigger that does not depend on how records were cut.
    static func row(_ trigger: Trigger, _ seq: Int) -> String {
        let retracts = trigger.retracts.map { " of \($0.rule) \($0.due) \($0.occurrence)" } ?? ""
        return "\(seq) \(trigger.id.text) \(trigger.rule) \(String(decoding: trigger.user, as: UTF8.self)) "
            + "\(trigger.due) at \(trigger.at)\(retracts)"
    }
}
