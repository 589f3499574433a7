import Core
import Testing

@testable import Store

/// A commit that found no room loses triggers, or gives them twice, when it is tried again.
struct OutboxFullDiskTests {
    @Test func `what found no room is taken whole when there is room again`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/outbox.db"
        var outbox = try Outbox.open(path: path)
        try outbox.append(through: 1, triggers: [(1, [trigger("first")])], wallNow: wallStart)
        let many = (0..<20_000).map { trigger("user-\($0)", at: Int64($0)) }
        try outbox.database.execute("PRAGMA max_page_count = 12")
        for _ in 0..<2 {
            do throws(DatabaseError) {
                try outbox.append(through: 2, triggers: [(2, many)], wallNow: wallStart)
                Issue.record("there was room")
            } catch {
                #expect(error == .noSpace(path: path))
                #expect(error.passes)
            }
            #expect(outbox.last == 1)
            #expect(outbox.lastRecord == 1)
        }
        try outbox.database.execute("PRAGMA max_page_count = 1000000")
        #expect(try outbox.append(through: 2, triggers: [(2, many)], wallNow: wallStart) == many.count)
        #expect(numbers(try lines(outbox)) == Array(1...Int64(many.count + 1)))
    }

    @Test func `damage does not pass`() {
        #expect(!DatabaseError.corrupt(path: "x", message: "").passes)
        #expect(!DatabaseError.failed(path: "x", code: 10, message: "disk I/O error").passes)
        #expect(DatabaseError.failed(path: "x", code: 5, message: "database is locked").passes)
    }
}
