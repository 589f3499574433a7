package import Core

/// The triggers, numbered without gaps in the order they are handed over: `outbox.db`.
///
/// Holds the number of the last journal record it has, so that a replay changes nothing. Owned and called
/// by one queue. The row numbers are the only index: rows come in at the end and go at the beginning.
package struct Outbox: ~Copyable {
    /// What is true of the whole table; on disk in the row of `state`.
    struct State: Equatable {
        var lastRecord: UInt64 = 0
        /// Number of the newest trigger, 0 before the first.
        var last: Int64 = 0
        /// Number of the oldest one kept; `last + 1` when none is.
        var oldest: Int64 = 1
        /// Retractions stored without the number of what they withdraw, for it was not found.
        var unmatched: Int64 = 0
        /// Wall time of the newest mark.
        var markedAt = Int64.min
    }

    /// Groups as they are stored.
    static let groups: [Trigger.Group] = [.treated, .holdout, .stale]
    /// Name number of an erased row's type and rule.
    static let erased: Int64 = 0
    /// Insertion times are kept this exactly, microseconds.
    static let markInterval = Microseconds.second

    let database: Database
    let statements: OutboxStatements
    var names: NameTable
    var state: State
    /// What `state` is on disk.
    private var storedState: State

    private static let migrations = Migrations([
        """
        CREATE TABLE triggers (
            seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, due INTEGER NOT NULL, type INTEGER NOT NULL,
            rule INTEGER NOT NULL, grp INTEGER NOT NULL, user BLOB NOT NULL, body BLOB);
        CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE marks (first INTEGER PRIMARY KEY, inserted INTEGER NOT NULL);
        CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 0), record INTEGER NOT NULL, last INTEGER NOT NULL,
            oldest INTEGER NOT NULL, unmatched INTEGER NOT NULL);
        INSERT INTO state VALUES (0, 0, 0, 1, 0);
        """
    ])

    package static func open(path: String) throws(DatabaseError) -> Outbox {
        let database = try Database.open(path: path)
        try migrations.apply(to: database)
        let statements = try OutboxStatements.prepare(on: database)
        let names = try NameTable.load(from: database)
        let state = try statements.loadState(path: path)
        return Outbox(
            database: database, statements: statements, names: names, state: state, storedState: state)
    }

    /// Number of the newest trigger, 0 before the first.
    package var last: Int64 { state.last }
    /// Number of the oldest trigger kept; `last + 1` when none is.
    package var oldest: Int64 { state.oldest }
    /// The last journal record whose triggers are here. After a restart it may be lower than before by
    /// records that had no triggers, unless `holdPosition` was called.
    package var lastRecord: UInt64 { state.lastRecord }
    /// Retractions stored without the number of what they withdraw.
    package var unmatchedRetractions: Int64 { state.unmatched }

    /// Takes the triggers of the records up to `record`, all or none, durably.
    ///
    /// Records it holds already are passed over. A retraction gets the number of the trigger it withdraws;
    /// where that one was never sent (held out, stale), the retraction is not stored and takes no number.
    /// Where no trigger of these records is to be stored, nothing is written.
    /// - Parameters:
    ///   - triggers: by ascending record, in the order in which they are to be numbered.
    ///   - wallNow: wall time of the insertion, for retention.
    /// - Returns: how many got a number.
    @discardableResult
    package mutating func append(
        through record: UInt64, triggers: [(record: UInt64, triggers: [Trigger])], wallNow: EventTime
    ) throws(DatabaseError) -> Int {
        guard record > state.lastRecord else { return 0 }
        let before = state
        if triggers.contains(where: { $0.record > before.lastRecord && !$0.triggers.isEmpty }) {
            try transaction { (outbox) throws(DatabaseError) in
                for batch in triggers where batch.record > before.lastRecord {
                    for trigger in batch.triggers { try outbox.append(trigger) }
                }
                outbox.state.lastRecord = record
                try outbox.markInsertion(of: before.last + 1, at: wallNow.microseconds)
            }
        }
        state.lastRecord = record
        return Int(state.last - before.last)
    }

    /// Makes `lastRecord` durable where records without triggers have moved it.
    package mutating func holdPosition() throws(DatabaseError) {
        guard state != storedState else { return }
        try transaction { (_) throws(DatabaseError) in }
    }

    /// Runs changes in one transaction together with the row of `state`; where it fails, neither file nor
    /// memory has changed.
    mutating func transaction(
        _ body: (inout Outbox) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        let before = (state, names)
        try database.begin()
        do {
            try body(&self)
            try statements.store(state)
            try database.commit()
        } catch {
            (state, names) = before
            try database.rollBack(after: error)
        }
        storedState = state
    }

    private mutating func append(_ trigger: Trigger) throws(DatabaseError) {
        var retracted: Int64?
        if let retraction = trigger.retracts {
            switch try find(retraction, user: trigger.user) {
            case .found(let seq): retracted = seq
            case .neverSent: return
            case .unknown: state.unmatched += 1
            }
        }
        let seq = state.last + 1
        let body = TriggerBody.encode(trigger, retracts: retracted)
        let type = try name(trigger.type)
        let rule = try name(trigger.rule)
        try statements.insert.bind(1, seq)
        try statements.insert.bind(2, trigger.at.microseconds)
        try statements.insert.bind(3, trigger.due.microseconds)
        try statements.insert.bind(4, type)
        try statements.insert.bind(5, rule)
        try statements.insert.bind(6, Int64(Outbox.groups.firstIndex(of: trigger.group)!))
        try statements.insert.bind(7, blob: trigger.user)
        try statements.insert.bind(8, blob: body.isEmpty ? nil : body)
        try statements.insert.run()
        state.last = seq
    }

    /// Number of a type's or rule's name; a new one gets the next.
    private mutating func name(_ name: String) throws(DatabaseError) -> Int64 {
        if let id = names.id(of: name) { return id }
        let id = names.add(name)
        try statements.insertName.bind(1, id)
        try statements.insertName.bind(2, name)
        try statements.insertName.run()
        return id
    }

    /// Keeps the wall time of insertion, once for all that comes within a second. A wall clock set back
    /// counts as standing still.
    private mutating func markInsertion(of first: Int64, at wallNow: Int64) throws(DatabaseError) {
        guard state.last >= first else { return }
        let passed = wallNow.subtractingReportingOverflow(state.markedAt)
        guard passed.overflow || passed.partialValue >= Outbox.markInterval else { return }
        try statements.insertMark.bind(1, first)
        try statements.insertMark.bind(2, wallNow)
        try statements.insertMark.run()
        state.markedAt = wallNow
    }
}

/// Names of types and rules, stored once. Number 0 is nobody's.
struct NameTable {
    private var names: [String] = [""]
    private var ids: [String: Int64] = [:]

    static func load(from database: borrowing Database) throws(DatabaseError) -> NameTable {
        var table = NameTable()
        let select = try database.prepare("SELECT id, name FROM names ORDER BY id")
        while try select.step() {
            guard table.add(select.text(1)) == select.integer(0) else {
                throw .corrupt(path: database.path, message: "the table names has gaps")
            }
        }
        return table
    }

    func id(of name: String) -> Int64? { ids[name] }

    func name(_ id: Int64) -> String? {
        id > 0 && id < names.count ? names[Int(id)] : nil
    }

    mutating func add(_ name: String) -> Int64 {
        let id = Int64(names.count)
        names.append(name)
        ids[name] = id
        return id
    }
}

/// The outbox's statements, compiled once.
struct OutboxStatements: ~Copyable {
    let insert: Statement
    let insertName: Statement
    let insertMark: Statement
    let storeState: Statement
    let selectState: Statement
    let selectTimes: Statement
    let selectMatching: Statement
    let selectRows: Statement
    let firstKept: Statement
    let deleteRows: Statement
    let deleteMarks: Statement
    let erase: Statement

    static func prepare(on database: borrowing Database) throws(DatabaseError) -> OutboxStatements {
        OutboxStatements(
            insert: try database.prepare("INSERT INTO triggers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
            insertName: try database.prepare("INSERT INTO names VALUES (?, ?)"),
            insertMark: try database.prepare("INSERT INTO marks VALUES (?, ?)"),
            storeState: try database.prepare(
                "UPDATE state SET record = ?, last = ?, oldest = ?, unmatched = ?"),
            selectState: try database.prepare(
                """
                SELECT record, last, oldest, unmatched,
                    (SELECT inserted FROM marks ORDER BY first DESC LIMIT 1) FROM state
                """),
            selectTimes: try database.prepare("SELECT at, due FROM triggers WHERE seq = ?"),
            selectMatching: try database.prepare(
                """
                SELECT seq, rule, grp, body FROM triggers
                WHERE seq BETWEEN ? AND ? AND due = ? AND user = ? ORDER BY seq
                """),
            selectRows: try database.prepare(
                """
                SELECT seq, at, due, type, rule, grp, user, body FROM triggers
                WHERE seq > ? AND seq <= ? ORDER BY seq
                """),
            firstKept: try database.prepare(
                "SELECT first FROM marks WHERE inserted > ? ORDER BY first LIMIT 1"),
            deleteRows: try database.prepare("DELETE FROM triggers WHERE seq < ?"),
            deleteMarks: try database.prepare(
                "DELETE FROM marks WHERE first < (SELECT max(first) FROM marks WHERE first <= ?)"),
            erase: try database.prepare(
                """
                UPDATE triggers SET due = 0, type = 0, rule = 0, grp = 0, user = x'', body = NULL
                WHERE seq BETWEEN ? AND ? AND user = ?
                """))
    }

    func loadState(path: String) throws(DatabaseError) -> Outbox.State {
        defer { selectState.reset() }
        guard try selectState.step() else {
            throw .corrupt(path: path, message: "the table state is empty")
        }
        return Outbox.State(
            lastRecord: UInt64(selectState.integer(0)), last: selectState.integer(1),
            oldest: selectState.integer(2), unmatched: selectState.integer(3),
            markedAt: selectState.isNull(4) ? .min : selectState.integer(4))
    }

    func store(_ state: Outbox.State) throws(DatabaseError) {
        try storeState.bind(1, Int64(state.lastRecord))
        try storeState.bind(2, state.last)
        try storeState.bind(3, state.oldest)
        try storeState.bind(4, state.unmatched)
        try storeState.run()
    }
}
