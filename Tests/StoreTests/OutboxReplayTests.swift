import Core
import Store
import Testing

/// Numbers have no gaps, whatever is handed over twice.
struct OutboxReplayTests {
    private func records(_ range: ClosedRange<UInt64>) -> [(record: UInt64, triggers: [Trigger])] {
        range.map { record in
            (record, (0..<Int(record % 4)).map { trigger("u\(record)-\($0)", at: Int64(record) * 10) })
        }
    }

    @Test func `the same records again change nothing, also after a restart in between`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        var expected: [JSONValue] = []
        do {
            var outbox = try Outbox.open(path: path)
            try outbox.append(through: 20, triggers: records(1...20), wallNow: wallStart)
            #expect(try outbox.append(through: 20, triggers: records(5...20), wallNow: wallStart) == 0)
            expected = try lines(outbox)
        }
        var outbox = try Outbox.open(path: path)
        #expect(outbox.lastRecord == 20)
        try outbox.append(through: 15, triggers: records(1...15), wallNow: wallStart)
        #expect(try lines(outbox) == expected)
        try outbox.append(through: 40, triggers: records(10...40), wallNow: wallStart)
        let all = try lines(outbox)
        #expect(numbers(all) == Array(1...Int64(all.count)))
        #expect(all.count == records(1...40).reduce(0) { $0 + $1.triggers.count })
        #expect(outbox.last == Int64(all.count))
        #expect(outbox.oldest == 1)
    }

    @Test func `ends the same however the records were cut into appends`() throws {
        let directory = try TemporaryDirectory()
        var one = try Outbox.open(path: directory.path + "/1.db")
        try one.append(through: 30, triggers: records(1...30), wallNow: wallStart)
        var two = try Outbox.open(path: directory.path + "/2.db")
        for record in 1...UInt64(30) {
            try two.append(through: record, triggers: records(record...record), wallNow: wallStart)
        }
        let all = TriggerFilter(includeHoldout: true)
        #expect(
            try one.read(after: 0, limit: 1000, filter: all).lines
                == two.read(after: 0, limit: 1000, filter: all).lines)
    }

    @Test func `records without triggers move the position, durably when asked`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        do {
            var outbox = try Outbox.open(path: path)
            try outbox.append(through: 7, triggers: [(7, [])], wallNow: wallStart)
            #expect(outbox.lastRecord == 7)
        }
        do {
            var outbox = try Outbox.open(path: path)
            #expect(outbox.lastRecord == 0)
            try outbox.append(through: 9, triggers: [OrderedTriggers](), wallNow: wallStart)
            try outbox.holdPosition()
        }
        #expect(try Outbox.open(path: path).lastRecord == 9)
    }

    @Test func `an append that fails takes nothing and may be repeated`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        var outbox = try Outbox.open(path: path)
        try outbox.append(through: 3, triggers: records(1...3), wallNow: wallStart)
        let before = try lines(outbox)
        let other = try Database.open(path: path)
        try other.execute(
            """
            CREATE TRIGGER refuse BEFORE INSERT ON triggers WHEN new.seq = 12
            BEGIN SELECT raise(ABORT, 'refused'); END
            """)
        let batch = [Trigger](repeating: trigger("x", rule: "new_rule"), count: 9)
        #expect(throws: DatabaseError.self) {
            try outbox.append(through: 4, triggers: [(4, batch)], wallNow: wallStart)
        }
        #expect(try lines(outbox) == before)
        #expect(outbox.lastRecord == 3)
        try other.execute("DROP TRIGGER refuse")
        try outbox.append(through: 4, triggers: [(4, batch)], wallNow: wallStart)
        #expect(numbers(try lines(outbox)) == Array(1...15))
        #expect(try lines(outbox).last?["rule"] == .string("new_rule"))
    }

    @Test func `a newer schema and a file that is no database are refused`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        try Database.open(path: path).execute("PRAGMA user_version = 99")
        #expect(throws: DatabaseError.newerSchema(path: path, found: 99, known: 1)) {
            _ = try Outbox.open(path: path)
        }
        let other = directory.path + "/other.db"
        try DiskFileSystem().open(other, .create).write([UInt8](repeating: 65, count: 9000), at: 0)
        let error = #expect(throws: DatabaseError.self) { _ = try Outbox.open(path: other) }
        guard case .corrupt(other, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
