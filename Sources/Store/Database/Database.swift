import CSQLite

/// An open SQLite database: write-ahead log, `synchronous=FULL`, 30 seconds of patience with a lock.
///
/// Owned and called by one queue. Statements prepared on it may outlive it by a moment: SQLite closes the
/// file when the last one has gone.
package struct Database: ~Copyable {
    package let path: String
    private let handle: OpaquePointer

    /// Opens or creates the file.
    ///
    /// - Parameter logPages: size of the write-ahead log at which it is brought into the file, pages of
    ///   4 KiB. It keeps that size on disk from then on: much where much is written, little elsewhere.
    package static func open(path: String, logPages: Int = 512) throws(DatabaseError) -> Database {
        let database = Database(path: path, handle: try openFile(path))
        database.setPatience(milliseconds: patienceMilliseconds)
        try database.execute(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;
            PRAGMA wal_autocheckpoint = \(logPages); PRAGMA journal_size_limit = 67108864;
            PRAGMA cache_size = -16384; PRAGMA cell_size_check = ON;
            """)
        return database
    }

    private init(path: String, handle: OpaquePointer) {
        self.path = path
        self.handle = handle
    }

    private static func openFile(_ path: String) throws(DatabaseError) -> OpaquePointer {
        var opened: OpaquePointer?
        let flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        if code == SQLITE_OK, let opened { return opened }
        let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
        sqlite3_close_v2(opened)
        throw DatabaseError(code: code, message: message, path: path)
    }

    deinit { sqlite3_close_v2(handle) }

    /// How long a lock of another process is waited for where nothing else is said.
    static let patienceMilliseconds: Int32 = 30_000

    func setPatience(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Runs statements that return nothing of interest.
    package func execute(_ sql: String) throws(DatabaseError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw DatabaseError(code: code, handle: handle, path: path) }
    }

    /// Compiles one statement, to be kept and used again.
    package func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else {
            throw DatabaseError(code: code, handle: handle, path: path)
        }
        return Statement(handle: prepared, path: path)
    }

    /// Begins a transaction that may write.
    package func begin() throws(DatabaseError) { try execute("BEGIN IMMEDIATE") }

    /// Makes the transaction durable. When this throws, `rollBack` is still to be called.
    package func commit() throws(DatabaseError) { try execute("COMMIT") }

    /// Undoes the transaction after `failure` and throws that; where SQLite has rolled back by itself,
    /// there is nothing left to undo.
    package func rollBack(after failure: DatabaseError) throws(DatabaseError) -> Never {
        if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
        throw failure
    }

    /// Rows the last statement changed.
    package var changes: Int { Int(sqlite3_changes64(handle)) }
}

/// A compiled statement. Bindings are numbered from 1, columns from 0.
package struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let path: String

    fileprivate init(handle: OpaquePointer, path: String) {
        self.handle = handle
        self.path = path
    }

    deinit { sqlite3_finalize(handle) }

    package func bind(_ index: Int32, _ value: Int64) throws(DatabaseError) {
        try check(sqlite3_bind_int64(handle, index, value))
    }

    package func bind(_ index: Int32, _ value: Int64?) throws(DatabaseError) {
        guard let value else { return try check(sqlite3_bind_null(handle, index)) }
        try bind(index, value)
    }

    package func bind(_ index: Int32, _ value: Double) throws(DatabaseError) {
        try check(sqlite3_bind_double(handle, index, value))
    }

    package func bind(_ index: Int32, _ text: String?) throws(DatabaseError) {
        guard let text else { return try check(sqlite3_bind_null(handle, index)) }
        var copy = text
        try check(
            copy.withUTF8 {
                sqlite3_bind_text64(
                    handle, index, UnsafeRawPointer($0.baseAddress)?.assumingMemoryBound(to: CChar.self),
                    UInt64($0.count), copied, UInt8(SQLITE_UTF8))
            })
    }

    package func bind(_ index: Int32, blob: [UInt8]?) throws(DatabaseError) {
        guard let blob else { return try check(sqlite3_bind_null(handle, index)) }
        if blob.isEmpty { return try check(sqlite3_bind_zeroblob(handle, index, 0)) }
        try check(
            blob.withUnsafeBytes {
                sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), copied)
            })
    }

    /// Goes to the next row; false when there is none. `reset` follows in either case.
    package func step() throws(DatabaseError) -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        let failure = DatabaseError(code: code, handle: sqlite3_db_handle(handle), path: path)
        sqlite3_reset(handle)
        throw failure
    }

    /// Makes the statement ready to be run again; bindings stay.
    package func reset() { sqlite3_reset(handle) }

    /// Runs a statement that returns no rows.
    package func run() throws(DatabaseError) {
        while try step() {}
        reset()
    }

    /// The first column of the only row, nil where there is no row or it is null.
    package func firstInteger() throws(DatabaseError) -> Int64? {
        defer { reset() }
        guard try step(), !isNull(0) else { return nil }
        return integer(0)
    }

    package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    package func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    package func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

    package func text(_ column: Int32) -> String {
        String(decoding: bytes(column), as: UTF8.self)
    }

    /// Bytes of a blob or text; empty for null.
    package func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](
            UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    /// The same without a copy; the bytes are gone after the call.
    package func withBytes<Result>(
        _ column: Int32, _ body: (UnsafeRawBufferPointer) throws(DatabaseError) -> Result
    ) throws(DatabaseError) -> Result {
        let start = sqlite3_column_blob(handle, column)
        return try body(
            UnsafeRawBufferPointer(
                start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column))))
    }

    private func check(_ code: Int32) throws(DatabaseError) {
        guard code == SQLITE_OK else {
            throw DatabaseError(code: code, handle: sqlite3_db_handle(handle), path: path)
        }
    }
}

/// Tells SQLite to copy what is bound.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// Why a database could not do what was asked.
package enum DatabaseError: Error, Equatable, Sendable {
    /// No room on disk; the transaction is undone and may be tried again.
    case noSpace(path: String)
    /// The file is damaged or no database.
    case corrupt(path: String, message: String)
    /// Brought up by a newer program.
    case newerSchema(path: String, found: Int64, known: Int64)
    /// Anything else, with SQLite's extended result code.
    case failed(path: String, code: Int32, message: String)

    /// Whether it passes when there is room again, or when another process lets go of its lock.
    package var passes: Bool {
        switch self {
        case .noSpace: true
        case .failed(_, let code, _): code & 0xFF == SQLITE_BUSY
        case .corrupt, .newerSchema: false
        }
    }

    fileprivate init(code: Int32, handle: OpaquePointer?, path: String) {
        self.init(code: code, message: String(cString: sqlite3_errmsg(handle)), path: path)
    }

    fileprivate init(code: Int32, message: String, path: String) {
        switch code & 0xFF {
        case SQLITE_FULL: self = .noSpace(path: path)
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(path: path, message: message)
        default: self = .failed(path: path, code: code, message: message)
        }
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSpace(let path): "no room on disk for \(path)"
        case .corrupt(let path, let message): "\(path) is corrupt: \(message)"
        case .newerSchema(let path, let found, let known):
            "\(path) has schema \(found), written by a newer version; this one knows up to \(known)"
        case .failed(let path, let code, let message): "\(path): \(message) (SQLite \(code))"
        }
    }
}
