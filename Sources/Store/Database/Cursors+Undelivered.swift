package import Core

/// A trigger that could not be delivered to a consumer, by its number alone: what it says stays in the outbox,
/// under its retention and its erasures.
package struct Undelivered: Sendable, Equatable {
    package var seq: Int64
    /// Why, in words.
    package var reason: String
    /// Wall time at which it was given up.
    package var at: EventTime
}

extension Cursors {
    /// Gives up triggers and moves the consumer's cursor behind them, durably, both or neither.
    ///
    /// - Parameter seqs: ascending; not empty.
    package func bury(
        _ seqs: [Int64], of consumer: String, reason: String, at wallNow: EventTime
    ) throws(DatabaseError) {
        try database.begin()
        do {
            for seq in seqs { try undelivered.insert(seq, consumer, reason, wallNow.microseconds) }
            if let last = seqs.last { try move(consumer, to: last) }
            try database.commit()
        } catch {
            try database.rollBack(after: error)
        }
    }

    /// What a consumer was not delivered, by ascending number.
    package func undelivered(
        by consumer: String, after seq: Int64, limit: Int
    ) throws(DatabaseError) -> [Undelivered] {
        try undelivered.read(consumer, after: seq, limit)
    }

    /// Forgets what was given up longer ago than `age`, and all but the newest `count` of each consumer.
    package func pruneUndelivered(
        wallNow: EventTime, age: Int64, count: Int64
    ) throws(DatabaseError) {
        try undelivered.prune(before: wallNow.microseconds - age, count)
    }
}

/// The statements of the table beside the cursors.
struct UndeliveredStatements: ~Copyable {
    static let migration =
        """
        CREATE TABLE undelivered (
            name TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (name, seq)) WITHOUT ROWID
        """

    private let insert: Statement
    private let select: Statement
    private let pruneByAge: Statement
    private let pruneByCount: Statement

    static func prepare(on database: borrowing Database) throws(DatabaseError) -> UndeliveredStatements {
        UndeliveredStatements(
            insert: try database.prepare("INSERT OR REPLACE INTO undelivered VALUES (?, ?, ?, ?)"),
            select: try database.prepare(
                "SELECT seq, reason, at FROM undelivered WHERE name = ? AND seq > ? ORDER BY seq LIMIT ?"),
            pruneByAge: try database.prepare("DELETE FROM undelivered WHERE at < ?"),
            pruneByCount: try database.prepare(
                """
                DELETE FROM undelivered WHERE seq <= ifnull((
                    SELECT seq FROM undelivered AS newest WHERE newest.name = undelivered.name
                    ORDER BY seq DESC LIMIT 1 OFFSET ?), -1)
                """))
    }

    func insert(
        _ seq: Int64, _ consumer: String, _ reason: String, _ at: Int64
    ) throws(DatabaseError) {
        try insert.bind(1, consumer)
        try insert.bind(2, seq)
        try insert.bind(3, reason)
        try insert.bind(4, at)
        try insert.run()
    }

    func read(_ consumer: String, after seq: Int64, _ limit: Int) throws(DatabaseError) -> [Undelivered] {
        try select.bind(1, consumer)
        try select.bind(2, seq)
        try select.bind(3, Int64(limit))
        defer { select.reset() }
        var rows: [Undelivered] = []
        while try select.step() {
            rows.append(
                Undelivered(
                    seq: select.integer(0), reason: select.text(1),
                    at: EventTime(microseconds: select.integer(2))))
        }
        return rows
    }

    func prune(before: Int64, _ count: Int64) throws(DatabaseError) {
        try pruneByAge.bind(1, before)
        try pruneByAge.run()
        try pruneByCount.bind(1, count)
        try pruneByCount.run()
    }
}
