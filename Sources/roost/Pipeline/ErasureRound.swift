import Core
import Engine
import Store

/// One pass over all files for all erasures that wait, and the search that shows it has worked.
struct ErasureRound: Sendable {
    private let parts: Eraser.Parts
    private let erasures: [PendingErasure]
    /// By place in `erasures`.
    private var removed: [ErasureView.Removed]

    /// Ids that are searched for; a search for each reads all files.
    private static let searchedIDs = 64

    /// - Parameter erasures: recorded ones.
    init(_ parts: Eraser.Parts, _ erasures: [PendingErasure]) {
        self.parts = parts
        self.erasures = erasures
        removed = erasures.map { erasure in
            var removed = ErasureView.Removed()
            removed.events = erasure.events
            return removed
        }
    }

    /// Why a round did not come to its end.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private var lastRecord: UInt64 { erasures.compactMap(\.record).max() ?? 0 }

    /// Rows first, then the files that state and journal are kept in: what is written anew must have
    /// nothing to copy.
    consuming func run() async throws -> [FinishedErasure] {
        try await eraseTriggers()
        try await eraseLetters()
        try await clearTables()
        try await renewFiles()
        try await rewriteArchive()
        try await search()
        let doneAt = parts.time.wall()
        return erasures.enumerated().map { place, erasure in
            FinishedErasure(
                erasure, record: erasure.record ?? 0, doneAt: doneAt, removed: removed[place])
        }
    }

    // MARK: Tables

    private mutating func eraseTriggers() async throws {
        var bounds: [[UInt8]: Int64] = [:]
        var places: [[UInt8]: Int] = [:]
        for (place, erasure) in erasures.enumerated() {
            guard let user = erasure.user else { continue }
            bounds[user] = max(bounds[user] ?? 0, erasure.triggers)
            places[user] = place
        }
        var next: Int64? = bounds.isEmpty ? nil : 0
        while let from = next {
            let step = try await parts.keeper.eraseTriggers(bounds, from: from)
            for (user, count) in step.erased {
                if let place = places[user] { removed[place].triggers += count }
            }
            next = step.next
        }
    }

    private mutating func eraseLetters() async throws {
        let newest = erasures.indices.sorted { erasures[$0].letters > erasures[$1].letters }
        let matcher = ErasureMatcher(
            newest.map { (erasures[$0].mark, erasures[$0].user) }, key: parts.register.key)
        let bounds = newest.map { erasures[$0].letters }
        var next: Int64? = 0
        while let from = next {
            let step = try await parts.keeper.eraseLetters(matcher, bounds: bounds, from: from)
            for (user, count) in step.erased { removed[newest[user]].deadLetters += count }
            next = step.next
        }
    }

    private func clearTables() async throws {
        while try await parts.keeper.overwriteFreePages() {}
        try await emptyLogs()
    }

    /// Not while a backup is taken, which reads the tables for long and so holds their logs.
    private func emptyLogs() async throws {
        let keeper = parts.keeper
        guard try await parts.snapshotter.alone({ _ in try await keeper.emptyLogs() }) else {
            throw Failure(description: "a reader holds a write-ahead log of the databases")
        }
    }

    // MARK: Journal and snapshots

    private mutating func renewFiles() async throws {
        let before = await parts.writer.extent()
        let (writer, keeper) = (parts.writer, parts.keeper)
        let written = try await parts.snapshotter.alone { snapshotter in
            guard let first = await writer.rotate() else {
                throw Failure(description: "the journal waits for room on disk")
            }
            // The snapshots must reach to the new segment, so that the ones before it can go.
            await withCheckedContinuation { continuation in
                keeper.whenHeld(first - 1) { continuation.resume() }
            }
            guard let written = await snapshotter.round() else {
                throw Failure(description: "the snapshots could not be written")
            }
            return written
        }
        let after = await parts.writer.extent()
        guard after.firstRecord > lastRecord else {
            throw Failure(
                description: "the journal still begins at record \(after.firstRecord), before \(lastRecord)")
        }
        for place in removed.indices {
            removed[place].snapshots = Int64(written)
            removed[place].journalSegments = before.segments + 1 - after.segments
            removed[place].journalBytes = max(0, before.bytes - after.bytes)
        }
    }

    /// Where a cut moves segments instead of removing them, they are written anew without the users.
    private mutating func rewriteArchive() async throws {
        guard !parts.settings.journal.archive.isEmpty else { return }
        let records = ErasedRecords(erasures, key: parts.register.key)
        let archive = JournalArchive(
            directory: parts.settings.journal.archive, store: parts.identity.journal,
            fileSystem: DiskFileSystem())
        let rewritten = try archive.rewrite(through: lastRecord) { number, kind, payload in
            try records.payload(number, kind, payload)
        }
        for place in removed.indices { removed[place].archivedSegments = Int64(rewritten) }
    }

    // MARK: Search

    /// Looks for the ids in all files. Where a database still has one, as between the rows of a page, it is
    /// written anew.
    private mutating func search() async throws {
        let places = erasures.indices.filter { erasures[$0].user != nil }.prefix(Self.searchedIDs)
        let needles = places.compactMap { erasures[$0].user }
        guard !needles.isEmpty else { return }
        let files = SearchedFiles(directory: parts.directory, held: parts.held, needles: needles)
        var result = try files.search()
        if try await rewrite(result.databases) { result = try files.search() }
        for (index, place) in places.enumerated() {
            removed[place].search = ErasureView.Search(bytes: result.bytes, found: result.found[index])
        }
    }

    private func rewrite(_ databases: Set<String>) async throws -> Bool {
        if databases.contains("outbox.db") { try await parts.keeper.vacuumOutbox() }
        if databases.contains("deadletters.db") { try await parts.keeper.vacuumDeadLetters() }
        guard !databases.isEmpty else { return false }
        try await emptyLogs()
        return true
    }
}

/// The files of a data directory, searched for ids.
private struct SearchedFiles {
    let directory: String
    let held: HeldFiles
    let needles: [[UInt8]]

    /// An id so long hardly stands within anything else by chance, as within a longer id.
    private static let tellingBytes = 8
    /// A database so small is written anew before anybody notices. A larger one takes its seconds, for which
    /// intake waits: not for an id that stands in it by chance, round after round.
    private static let smallBytes: Int64 = 64 << 20

    struct Result {
        var bytes: Int64 = 0
        var found: [Int64]
        /// Names of databases to be written anew, for they hold any.
        var databases: Set<String> = []
    }

    func search() throws(FileError) -> Result {
        let disk = DiskFileSystem()
        var result = Result(found: [Int64](repeating: 0, count: needles.count))
        for folder in ["", "journal/", "snapshots/"] {
            for name in try disk.list("\(directory)/\(folder)")
            where name != "journal" && name != "snapshots" {
                // A segment or snapshot may go, or be replaced, while others are read.
                do throws(FileError) { try search("\(folder)\(name)", on: disk, &result) } catch {
                    guard error.isMissing else { throw error }
                }
            }
        }
        return result
    }

    private func search(_ name: String, on disk: DiskFileSystem, _ result: inout Result) throws(FileError) {
        let (found, bytes) = try ByteSearch(fileSystem: disk, held: held).count(
            needles, in: "\(directory)/\(name)")
        result.bytes += bytes
        for index in found.indices { result.found[index] += found[index] }
        let isTold = found.indices.contains { index in
            found[index] > 0 && (needles[index].count >= Self.tellingBytes || bytes <= Self.smallBytes)
        }
        guard isTold, let end = name.range(ofDatabase: ".db") else { return }
        result.databases.insert(String(name[..<end]))
    }
}

extension String {
    /// Where the name of a database ends that this file belongs to; nil where to none.
    fileprivate func range(ofDatabase suffix: String) -> Index? {
        for ending in ["", "-wal"] where hasSuffix(suffix + ending) {
            return index(endIndex, offsetBy: -ending.count)
        }
        return nil
    }
}
