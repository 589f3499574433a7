import Core
import Testing

@testable import Store

/// An outbox whose triggers stand each in a row of its own, as earlier versions kept them: it opens, and
/// every line, number and cursor is as it was.
struct OutboxUpgradeTests {
    /// The tables of version 1, as that version made them.
    private static let tables = """
        CREATE TABLE triggers (
            seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, due INTEGER NOT NULL, type INTEGER NOT NULL,
            rule INTEGER NOT NULL, grp INTEGER NOT NULL, user BLOB NOT NULL, body BLOB);
        CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE marks (first INTEGER PRIMARY KEY, inserted INTEGER NOT NULL);
        CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 0), record INTEGER NOT NULL, last INTEGER NOT NULL,
            oldest INTEGER NOT NULL, unmatched INTEGER NOT NULL);
        PRAGMA user_version = 1;
        """

    private func sample(_ count: Int) -> [Trigger] {
        (0..<count).map { index in
            var made = trigger(
                "user-\(index % 7)", at: 1000 + Int64(index) * 3, due: 1000 + Int64(index),
                rule: index % 3 == 0 ? "welcome" : "churned", group: Outbox.groups[index % 3])
            if index % 2 == 0 { made.segment = "loyal" }
            if index % 5 == 0 { made.why = [.init(feature: "days_since_last", value: Double(index))] }
            return made
        }
    }

    /// Writes triggers as version 1 did, the first of them with the number `oldest`.
    private func writeOld(
        _ path: String, _ triggers: [Trigger], oldest: Int64, record: UInt64
    ) throws {
        let database = try Database.open(path: path)
        try database.execute(Self.tables)
        try database.execute("INSERT INTO names VALUES (1, 'welcome'), (2, 'churned')")
        let insert = try database.prepare("INSERT INTO triggers VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        for (index, trigger) in triggers.enumerated() {
            let name: Int64 = trigger.rule == "welcome" ? 1 : 2
            try insert.bind(1, oldest + Int64(index))
            try insert.bind(2, trigger.at.microseconds)
            try insert.bind(3, trigger.due.microseconds)
            try insert.bind(4, name)
            try insert.bind(5, name)
            try insert.bind(6, Int64(Outbox.groups.firstIndex(of: trigger.group) ?? 0))
            try insert.bind(7, blob: trigger.user)
            try insert.bind(8, blob: TriggerBody.encode(trigger))
            try insert.run()
        }
        let last = oldest + Int64(triggers.count) - 1
        try database.execute("INSERT INTO marks VALUES (\(oldest), \(wallStart.microseconds))")
        try database.execute("INSERT INTO state VALUES (0, \(record), \(last), \(oldest), 0)")
    }

    private func tables(_ path: String) throws -> Set<String> {
        let database = try Database.open(path: path)
        let select = try database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        var names: Set<String> = []
        while try select.step() { names.insert(select.text(0)) }
        return names
    }

    @Test(arguments: [0, 1, 1023, 1024, 1025, 3000])
    func `every line is as the present layout has it`(count: Int) throws {
        let directory = try TemporaryDirectory()
        let triggers = sample(count)
        let path = directory.path + "/outbox.db"
        try writeOld(path, triggers, oldest: 1, record: 17)
        let upgraded = try Outbox.open(path: path)
        var fresh = try Outbox.open(path: directory.path + "/fresh.db")
        try fresh.append(through: 17, triggers: [(17, triggers)], wallNow: wallStart)
        #expect(try lines(upgraded, filter: everything) == lines(fresh, filter: everything))
        #expect(upgraded.last == Int64(count))
        #expect(upgraded.oldest == 1)
        #expect(upgraded.lastRecord == 17)
        #expect(try tables(path).isSuperset(of: ["blocks", "names", "marks", "state"]))
        #expect(try !tables(path).contains("single"))
    }

    @Test func `numbers go on where they were, also behind what was dropped`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        let triggers = sample(1500)
        try writeOld(path, triggers, oldest: 5001, record: 9)
        var outbox = try Outbox.open(path: path)
        #expect(outbox.oldest == 5001)
        // A record it holds already changes nothing; the next one is numbered on.
        try outbox.append(through: 9, triggers: [(9, sample(3))], wallNow: wallStart)
        #expect(outbox.last == 6500)
        let sent = try #require(triggers.last { $0.group == .treated })
        let next = [trigger("new", at: 90_000), retraction(of: sent, at: 90_001)]
        try outbox.append(through: 10, triggers: [(10, next)], wallNow: wallStart)
        let found = try lines(outbox, after: 6500, filter: everything)
        #expect(numbers(found) == [6501, 6502])
        let place = try #require(triggers.lastIndex { $0.group == .treated })
        #expect(found.last?["retracts"] == .integer(5001 + Int64(place)))
        #expect(numbers(try lines(outbox, after: 5000, filter: everything)) == Array(5001...6502))
    }

    @Test func `it happens once`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        try writeOld(path, sample(40), oldest: 1, record: 2)
        let first = try lines(try Outbox.open(path: path), filter: everything)
        let second = try lines(try Outbox.open(path: path), filter: everything)
        #expect(first == second)
        #expect(first.count == 40)
    }

    @Test func `one that cannot be moved stays as it was`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        try writeOld(path, sample(2000), oldest: 1, record: 2)
        do {
            let database = try Database.open(path: path)
            // The second block meets a number that is taken.
            try database.execute(
                """
                ALTER TABLE triggers RENAME TO single;
                CREATE TABLE blocks (
                    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at_last INTEGER NOT NULL,
                    due_last INTEGER NOT NULL, rows BLOB NOT NULL);
                INSERT INTO blocks VALUES (1025, 1, 0, 0, x'');
                PRAGMA user_version = 2;
                """)
        }
        #expect(throws: DatabaseError.self) { _ = try Outbox.open(path: path) }
        let database = try Database.open(path: path)
        #expect(try database.prepare("SELECT count(*) FROM single").firstInteger() == 2000)
        #expect(try database.prepare("SELECT count(*) FROM blocks").firstInteger() == 1)
    }
}
