package import Core

/// The lines that could not be used, with the reason: `deadletters.db`.
///
/// Holds the last journal record that had any, so that a replay changes nothing. Owned and called by one
/// queue.
package struct DeadLetters: ~Copyable {
    /// The unusable lines of one journal record.
    package struct Batch: Sendable {
        package var record: UInt64
        /// Who sent them, where the client said hello.
        package var producer: String?
        package var rejections: [Rejection]
        /// In the daemon's clock of the wall, for retention.
        package var receivedAt: EventTime
        package init(
            record: UInt64, producer: String?, rejections: [Rejection], receivedAt: EventTime
        ) {
            self.record = record
            self.producer = producer
            self.rejections = rejections
            self.receivedAt = receivedAt
        }
    }

    let database: Database
    private let insert: Statement
    private let storeState: Statement
    private let select: Statement
    private let firstKept: Statement
    private let delete: Statement

    /// The last journal record with a dead letter here.
    package private(set) var lastRecord: UInt64
    /// Dead letters ever kept, which is also the newest one's number.
    package private(set) var total: Int64
    /// Number of the oldest one kept; `total + 1` when none is.
    package private(set) var oldest: Int64

    /// Rows one step of `prune` deletes.
    package static let stepRows: Int64 = 5_000

    private static let migrations = Migrations([
        """
        CREATE TABLE letters (
            seq INTEGER PRIMARY KEY, record INTEGER NOT NULL, received INTEGER NOT NULL, producer TEXT,
            line INTEGER NOT NULL, code INTEGER NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL);
        CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 0), record INTEGER NOT NULL, total INTEGER NOT NULL,
            oldest INTEGER NOT NULL);
        INSERT INTO state VALUES (0, 0, 0, 1);
        """
    ])

    package static func open(path: String) throws(DatabaseError) -> DeadLetters {
        let database = try Database.open(path: path)
        try migrations.apply(to: database)
        let (record, total, oldest) = try loadState(from: database)
        let insert = try database.prepare("INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        let storeState = try database.prepare("UPDATE state SET record = ?, total = ?, oldest = ?")
        let select = try database.prepare(
            "SELECT seq, code, detail, raw, received FROM letters WHERE seq > ? ORDER BY seq LIMIT ?")
        let firstKept = try database.prepare(
            "SELECT seq FROM letters WHERE received >= ? ORDER BY seq LIMIT 1")
        let delete = try database.prepare("DELETE FROM letters WHERE seq < ?")
        return DeadLetters(
            database: database, insert: insert, storeState: storeState, select: select,
            firstKept: firstKept, delete: delete, lastRecord: record, total: total, oldest: oldest)
    }

    private static func loadState(
        from database: borrowing Database
    ) throws(DatabaseError) -> (UInt64, Int64, Int64) {
        let select = try database.prepare("SELECT record, total, oldest FROM state")
        guard try select.step() else {
            throw .corrupt(path: database.path, message: "the table state is empty")
        }
        return (UInt64(select.integer(0)), select.integer(1), select.integer(2))
    }

    /// Keeps the unusable lines of some records, all or none, durably. Records it holds already are
    /// passed over.
    /// - Parameter batches: by ascending record.
    /// - Returns: how many were new.
    @discardableResult
    package mutating func append(_ batches: [Batch]) throws(DatabaseError) -> Int {
        let new = batches.filter { $0.record > lastRecord && !$0.rejections.isEmpty }
        guard let record = new.last?.record else { return 0 }
        var seq = total
        try database.begin()
        do {
            for batch in new {
                for rejection in batch.rejections {
                    seq += 1
                    try insertRow(seq, batch, rejection)
                }
            }
            try store(record: record, total: seq, oldest: oldest)
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
        defer { (lastRecord, total) = (record, seq) }
        return Int(seq - total)
    }

    private func insertRow(
        _ seq: Int64, _ batch: Batch, _ rejection: Rejection
    ) throws(DatabaseError) {
        try insert.bind(1, seq)
        try insert.bind(2, Int64(batch.record))
        try insert.bind(3, batch.receivedAt.microseconds)
        try insert.bind(4, batch.producer)
        try insert.bind(5, Int64(rejection.line))
        try insert.bind(6, Int64(rejection.code.rawValue))
        try insert.bind(7, rejection.detail)
        try insert.bind(8, blob: rejection.raw)
        try insert.run()
    }

    private func store(record: UInt64, total: Int64, oldest: Int64) throws(DatabaseError) {
        try storeState.bind(1, Int64(record))
        try storeState.bind(2, total)
        try storeState.bind(3, oldest)
        try storeState.run()
    }

    /// Dead letters after a number, ascending, at most `limit`.
    package func read(after seq: Int64, limit: Int) throws(DatabaseError) -> [DeadLetterView] {
        try select.bind(1, seq)
        try select.bind(2, Int64(limit))
        defer { select.reset() }
        var letters: [DeadLetterView] = []
        while try select.step() {
            guard let code = UInt8(exactly: select.integer(1)).flatMap(RejectionCode.init(rawValue:)) else {
                throw .corrupt(path: database.path, message: "code of dead letter \(select.integer(0))")
            }
            letters.append(
                DeadLetterView(
                    seq: select.integer(0), code: code.text, detail: select.text(2),
                    line: select.bytes(3), receivedAt: EventTime(microseconds: select.integer(4))))
        }
        return letters
    }

    /// Deletes from the oldest what was received more than `age` microseconds ago, or is beyond the
    /// newest `count`, at most `stepRows` of it.
    /// - Returns: whether more is to be deleted.
    package mutating func prune(
        wallNow: EventTime, age: Int64, count: Int64
    ) throws(DatabaseError) -> Bool {
        try firstKept.bind(1, wallNow.microseconds - age)
        let keptByAge = try firstKept.firstInteger() ?? total + 1
        let target = min(max(keptByAge, total - max(count, 0) + 1), total + 1)
        guard target > oldest else { return false }
        let bound = min(target, oldest + DeadLetters.stepRows)
        try database.begin()
        do {
            try delete.bind(1, bound)
            try delete.run()
            try store(record: lastRecord, total: total, oldest: bound)
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
        oldest = bound
        return bound < target
    }
}
