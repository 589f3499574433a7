package import Core
import Synchronization

/// The erasures of a store: those under way with the ids they need, and those done, without.
///
///     erasing.ndjson    under way; replaced as a whole, gone when nothing is
///     erasures.ndjson   done, one line each, appended: receipts, and marks for a restored backup
///
/// Ids stand in hexadecimal, so that any bytes are kept exactly.
package final class ErasureRegister: Sendable {
    private struct State {
        var pending: [PendingErasure] = []
        var doneBytes: Int64 = 0
        var done: Int64 = 0
    }

    private let directory: String
    private let fileSystem: any FileSystem
    /// What marks are made with: follows from the journal's identity.
    package let key: HashKey
    private let state: Mutex<State>

    package static let pendingName = "erasing.ndjson"
    package static let doneName = "erasures.ndjson"

    private var pendingPath: String { "\(directory)/\(Self.pendingName)" }
    private var donePath: String { "\(directory)/\(Self.doneName)" }

    /// Reads both files; a last line that a crash left unfinished counts as not written.
    package init(
        directory: String, key: HashKey, fileSystem: any FileSystem
    ) throws(ErasureRegisterError) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.key = key
        state = Mutex(State())
        let pending = try Self.lines(of: Self.pendingName, directory, fileSystem).whole
        let done = try Self.lines(of: Self.doneName, directory, fileSystem)
        var opened = State(
            pending: try pending.map { (line) throws(ErasureRegisterError) in
                try PendingErasure(line: line, of: "\(directory)/\(Self.pendingName)")
            }, doneBytes: done.bytes, done: Int64(done.whole.count))
        // A crash may have come between the two files.
        if !opened.pending.isEmpty {
            let receipts = Set(
                try done.whole.map { (line) throws(ErasureRegisterError) in
                    try FinishedErasure(line: line, of: "\(directory)/\(Self.doneName)").receipt
                })
            opened.pending.removeAll { receipts.contains($0.receipt) }
        }
        let settled = opened
        state.withLock { $0 = settled }
    }

    package var pending: [PendingErasure] { state.withLock { $0.pending } }
    package var doneCount: Int64 { state.withLock { $0.done } }

    /// Keeps requests before anything is done about them, so that a crash forgets none.
    package func add(_ requests: [PendingErasure]) throws(ErasureRegisterError) {
        try change { $0.pending.append(contentsOf: requests) }
    }

    /// A journal record has erased users from the state.
    /// - Parameters:
    ///   - erased: those that the state held.
    ///   - triggers, letters: newest trigger and dead letter of the time; later ones are another user's.
    package func recorded(
        _ record: UInt64, marks: [ErasureMark], erased: [ErasedUser], triggers: Int64, letters: Int64,
        wallNow: EventTime
    ) throws(ErasureRegisterError) {
        try change { state in
            for mark in marks {
                let known = state.pending.firstIndex {
                    $0.mark == mark && ($0.record == record || $0.record == nil)
                }
                // What a restored backup is told of anew has no request of its own.
                let place = known ?? state.pending.count
                if known == nil {
                    state.pending.append(
                        PendingErasure(
                            receipt: "\(record)-\(mark.text.prefix(16))", mark: mark, user: nil,
                            requestedAt: wallNow))
                }
                // A replay that comes by again changes nothing of what was noted at first.
                if state.pending[place].record == nil {
                    state.pending[place].record = record
                    state.pending[place].triggers = triggers
                    state.pending[place].letters = letters
                }
                if let user = erased.first(where: { $0.mark == mark }) {
                    state.pending[place].user = user.id
                    state.pending[place].events = user.events
                }
            }
        }
    }

    /// Moves erasures to those done; their ids go with this.
    package func finish(_ finished: [FinishedErasure]) throws(ErasureRegisterError) {
        guard !finished.isEmpty else { return }
        var writer = JSONWriter()
        for erasure in finished { erasure.write(to: &writer) }
        let lines = writer.bytes
        let receipts = Set(finished.map(\.receipt))
        let place = state.withLock { $0.doneBytes }
        do {
            let file = try fileSystem.open(donePath, .createOrKeep)
            try file.truncate(to: place)
            try file.write(lines, at: place)
            try file.sync()
            try fileSystem.syncDirectory(directory)
        } catch { throw .file(error) }
        state.withLock { state in
            state.doneBytes += Int64(lines.count)
            state.done += Int64(finished.count)
        }
        try change { $0.pending.removeAll { receipts.contains($0.receipt) } }
    }

    /// Erasures of which the journal does not know, to be recorded again: those whose record a crash has
    /// prevented.
    package func forgetRecords(of receipts: Set<String>) throws(ErasureRegisterError) {
        try change { state in
            for place in state.pending.indices where receipts.contains(state.pending[place].receipt) {
                state.pending[place].record = nil
            }
        }
    }

    /// Begins erasures anew that were done after a journal record: in a restored backup, which ends there,
    /// they are not.
    package func reopen(after record: UInt64) throws(ErasureRegisterError) {
        let all = try allFinished()
        let later = all.filter { $0.record > record }
        guard !later.isEmpty else { return }
        let known = Set(pending.map(\.receipt))
        try add(
            later.filter { !known.contains($0.receipt) }.map {
                PendingErasure(
                    receipt: $0.receipt, mark: $0.mark, user: nil, requestedAt: $0.requestedAt)
            })
        var writer = JSONWriter()
        for erasure in all where erasure.record <= record { erasure.write(to: &writer) }
        let lines = writer.bytes
        do {
            try lines.withUnsafeBufferPointer { (bytes) throws(FileError) in
                try fileSystem.replace(Self.doneName, in: directory, with: [UnsafeRawBufferPointer(bytes)])
            }
        } catch { throw .file(error) }
        state.withLock { state in
            state.doneBytes = Int64(lines.count)
            state.done = Int64(all.count - later.count)
        }
    }

    /// A finished erasure by its receipt. Reads the file: O(erasures ever).
    package func finished(_ receipt: String) throws(ErasureRegisterError) -> FinishedErasure? {
        try allFinished().last { $0.receipt == receipt }
    }

    package func allFinished() throws(ErasureRegisterError) -> [FinishedErasure] {
        try Self.lines(of: Self.doneName, directory, fileSystem).whole.map {
            (line) throws(ErasureRegisterError) in try FinishedErasure(line: line, of: donePath)
        }
    }

    // MARK: Files

    /// Changes what is under way, in memory and then on disk. Where the disk refuses, memory has it and
    /// the next change writes it too.
    private func change(_ body: (inout State) -> Void) throws(ErasureRegisterError) {
        let result: Result<Void, ErasureRegisterError> = state.withLock { state in
            let before = state.pending
            body(&state)
            if state.pending == before { return .success(()) }
            do throws(FileError) { return .success(try store(state.pending)) } catch {
                return .failure(.file(error))
            }
        }
        try result.get()
    }

    private func store(_ pending: [PendingErasure]) throws(FileError) {
        if pending.isEmpty {
            do throws(FileError) { try fileSystem.unlink(pendingPath) } catch {
                guard error.isMissing else { throw error }
            }
            return try fileSystem.syncDirectory(directory)
        }
        var writer = JSONWriter()
        for erasure in pending { erasure.write(to: &writer) }
        try writer.bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
            try fileSystem.replace(Self.pendingName, in: directory, with: [UnsafeRawBufferPointer(bytes)])
        }
    }

    private static func lines(
        of name: String, _ directory: String, _ fileSystem: any FileSystem
    ) throws(ErasureRegisterError) -> (whole: [[UInt8]], bytes: Int64) {
        let bytes: [UInt8]
        do throws(FileError) {
            guard try fileSystem.list(directory).contains(name) else { return ([], 0) }
            bytes = try fileSystem.open("\(directory)/\(name)", .read).readAll()
        } catch { throw .file(error) }
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return ([], 0) }
        return (bytes[..<end].split(separator: UInt8(ascii: "\n")).map { Array($0) }, Int64(end + 1))
    }
}

/// Why the register of erasures cannot be used.
package enum ErasureRegisterError: Error, Equatable, Sendable, CustomStringConvertible {
    case file(FileError)
    case damaged(path: String, reason: String)

    package var description: String {
        switch self {
        case .file(let error): "erasures: \(error)"
        case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
        }
    }
}
