package import Core

/// The triggers, numbered without gaps in the order they are handed over: `outbox.db`.
///
/// Holds the number of the last journal record it has, so that a replay changes nothing. Owned and called
/// by one queue. Rows come in at the end, in blocks of many, and go at the beginning; the block's first
/// number is the only index.
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
    static let erased: UInt16 = 0
    /// Insertion times are kept this exactly, microseconds.
    static let markInterval = Microseconds.second

    let database: Database
    let statements: OutboxStatements
    var names: NameTable
    var state: State
    /// Of the blocks on disk.
    var index: BlockIndex
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
        """,
        // The rows in blocks; `OutboxUpgrade` moves what the table before holds.
        """
        ALTER TABLE triggers RENAME TO single;
        CREATE TABLE blocks (
            first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at_last INTEGER NOT NULL,
            due_last INTEGER NOT NULL, rows BLOB NOT NULL);
        """,
    ])

    package static func open(path: String) throws(DatabaseError) -> Outbox {
        let database = try Database.open(path: path, logPages: 4000)
        try migrations.apply(to: database)
        try OutboxUpgrade.moveSingleRows(in: database)
        let statements = try OutboxStatements.prepare(on: database)
        let names = try NameTable.load(from: database)
        let state = try statements.loadState(path: path)
        let index = try statements.loadIndex()
        return Outbox(
            database: database, statements: statements, names: names, state: state, index: index,
            storedState: state)
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
        through record: UInt64, triggers: [OrderedTriggers], wallNow: EventTime
    ) throws(DatabaseError) -> Int {
        guard record > state.lastRecord else { return 0 }
        let before = state
        if triggers.contains(where: { $0.record > before.lastRecord && !$0.isEmpty }) {
            try transaction { (outbox) throws(DatabaseError) in
                var block = TriggerBlock(first: outbox.state.last + 1)
                for ordered in triggers where ordered.record > before.lastRecord {
                    try outbox.append(ordered, to: &block)
                }
                try outbox.store(&block)
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
            index.dropBlocks(from: state.last + 1)
            try database.rollBack(after: error)
        }
        storedState = state
    }

    private mutating func append(
        _ ordered: OrderedTriggers, to block: inout TriggerBlock
    ) throws(DatabaseError) {
        var numbers: [[UInt16]] = []
        for batch in ordered.batches { numbers.append(try self.numbers(of: batch)) }
        for place in ordered.places {
            let batch = Int(place.batch)
            let row = ordered.batches[batch].rows[Int(place.row)]
            var tail: [UInt8] = []
            if row.retractsRule != 0 {
                let rule = numbers[batch][Int(row.retractsRule)]
                switch try find(row, rule: rule, user: Array(ordered.batches[batch].user(row)), open: block) {
                case .found(let seq): tail = TriggerBody.retracts(seq)
                case .neverSent: continue
                case .unknown: state.unmatched += 1
                }
            }
            if block.isFull { try store(&block) }
            ordered.batches[batch].bytes.withUnsafeBytes { bytes in
                block.append(
                    row, of: bytes, type: numbers[batch][Int(row.type)],
                    rule: numbers[batch][Int(row.rule)], tail: tail)
            }
            state.last += 1
        }
    }

    /// Writes a block that has rows and begins the next.
    private mutating func store(_ block: inout TriggerBlock) throws(DatabaseError) {
        if !block.isEmpty {
            try statements.insert(block)
            index.append(block.head)
        }
        block = TriggerBlock(first: state.last + 1)
    }

    /// The table's numbers of the names that a batch uses.
    private mutating func numbers(of batch: borrowing TriggerBatch) throws(DatabaseError) -> [UInt16] {
        var used = [Bool](repeating: false, count: batch.names.count)
        for row in batch.rows {
            used[Int(row.type)] = true
            used[Int(row.rule)] = true
            used[Int(row.retractsRule)] = true
        }
        var numbers = [UInt16](repeating: 0, count: used.count)
        for index in used.indices where used[index] && index > 0 {
            numbers[index] = UInt16(truncatingIfNeeded: try name(batch.names[index]))
        }
        return numbers
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
    private let insertBlock: Statement
    private let replaceBlock: Statement
    let insertName: Statement
    let insertMark: Statement
    let storeState: Statement
    let selectState: Statement
    let selectHead: Statement
    let selectHeads: Statement
    let selectBlocks: Statement
    let firstKept: Statement
    let deleteBlocks: Statement
    let deleteMarks: Statement

    static func prepare(on database: borrowing Database) throws(DatabaseError) -> OutboxStatements {
        OutboxStatements(
            insertBlock: try database.prepare("INSERT INTO blocks VALUES (?, ?, ?, ?, ?)"),
            replaceBlock: try database.prepare("REPLACE INTO blocks VALUES (?, ?, ?, ?, ?)"),
            insertName: try database.prepare("INSERT INTO names VALUES (?, ?)"),
            insertMark: try database.prepare("INSERT INTO marks VALUES (?, ?)"),
            storeState: try database.prepare(
                "UPDATE state SET record = ?, last = ?, oldest = ?, unmatched = ?"),
            selectState: try database.prepare(
                """
                SELECT record, last, oldest, unmatched,
                    (SELECT inserted FROM marks ORDER BY first DESC LIMIT 1) FROM state
                """),
            selectHead: try database.prepare(
                """
                SELECT first, count, at_last, due_last FROM blocks
                WHERE first <= ? ORDER BY first DESC LIMIT 1
                """),
            selectHeads: try database.prepare(
                "SELECT first, count, at_last, due_last FROM blocks ORDER BY first"),
            selectBlocks: try database.prepare(
                """
                SELECT first, count, rows FROM blocks
                WHERE first >= ifnull((SELECT max(first) FROM blocks WHERE first <= ?1), ?1)
                    AND first <= ?2 ORDER BY first
                """),
            firstKept: try database.prepare(
                "SELECT first FROM marks WHERE inserted > ? ORDER BY first LIMIT 1"),
            deleteBlocks: try database.prepare(
                "DELETE FROM blocks WHERE first < ?1 AND first + count <= ?1"),
            deleteMarks: try database.prepare(
                "DELETE FROM marks WHERE first < (SELECT max(first) FROM marks WHERE first <= ?)"))
    }

    func insert(_ block: TriggerBlock) throws(DatabaseError) { try write(block, by: insertBlock) }

    func replace(_ block: TriggerBlock) throws(DatabaseError) { try write(block, by: replaceBlock) }

    private func write(
        _ block: TriggerBlock, by statement: borrowing Statement
    ) throws(DatabaseError) {
        try statement.bind(1, block.head.first)
        try statement.bind(2, block.head.count)
        try statement.bind(3, block.head.atLast)
        try statement.bind(4, block.head.dueLast)
        try statement.bind(5, blob: block.bytes)
        try statement.run()
    }

    /// The block that holds a number, or nil.
    func head(holding seq: Int64) throws(DatabaseError) -> TriggerBlockHead? {
        try selectHead.bind(1, seq)
        defer { selectHead.reset() }
        guard try selectHead.step() else { return nil }
        let head = TriggerBlockHead(
            first: selectHead.integer(0), count: selectHead.integer(1), atLast: selectHead.integer(2),
            dueLast: selectHead.integer(3))
        return seq < head.first + head.count ? head : nil
    }

    func loadIndex() throws(DatabaseError) -> BlockIndex {
        defer { selectHeads.reset() }
        var index = BlockIndex()
        while try selectHeads.step() {
            index.append(
                TriggerBlockHead(
                    first: selectHeads.integer(0), count: selectHeads.integer(1),
                    atLast: selectHeads.integer(2), dueLast: selectHeads.integer(3)))
        }
        return index
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
