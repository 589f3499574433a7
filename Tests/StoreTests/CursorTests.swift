import Core
import Store
import Testing

struct CursorTests {
    @Test func `a cursor is kept, by name, and never moves back`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/cursors.db"
        do {
            let cursors = try Cursors.open(path: path)
            #expect(try cursors.cursor(of: "push") == nil)
            try cursors.store(10, of: "push")
            try cursors.store([("push", 7), ("mail", 3), ("", 1), ("päckchen", 5), ("mail", 4)])
        }
        let cursors = try Cursors.open(path: path)
        #expect(try cursors.cursor(of: "push") == 10)
        #expect(try cursors.cursor(of: "mail") == 4)
        #expect(try cursors.cursor(of: "") == 1)
        #expect(try cursors.cursor(of: "päckchen") == 5)
        try cursors.store(11, of: "push")
        #expect(try cursors.cursor(of: "push") == 11)
    }

    @Test func `what is given up moves the cursor and is kept by name, age and count`() throws {
        let directory = try TemporaryDirectory()
        let cursors = try Cursors.open(path: directory.path + "/cursors.db")
        let (early, late) = (EventTime(microseconds: 1_000_000), EventTime(microseconds: 9_000_000))
        try cursors.store(4, of: "crm")
        try cursors.bury([5, 6], of: "crm", reason: "answered 500", at: early)
        try cursors.bury([7, 9], of: "crm", reason: "refused", at: late)
        try cursors.bury([2], of: "mail", reason: "answered 500", at: early)
        #expect(try cursors.cursor(of: "crm") == 9)
        #expect(try cursors.undelivered(by: "crm", after: 0, limit: 3).map(\.seq) == [5, 6, 7])
        #expect(
            try cursors.undelivered(by: "crm", after: 6, limit: 9).map(\.reason) == ["refused", "refused"])
        try cursors.pruneUndelivered(wallNow: late, age: 8_000_001, count: 3)
        #expect(try cursors.undelivered(by: "crm", after: 0, limit: 9).map(\.seq) == [6, 7, 9])
        #expect(try cursors.undelivered(by: "mail", after: 0, limit: 9).map(\.at) == [early])
        try cursors.pruneUndelivered(wallNow: late, age: 7_000_000, count: 3)
        #expect(try cursors.undelivered(by: "crm", after: 0, limit: 9).map(\.seq) == [7, 9])
        #expect(try cursors.undelivered(by: "mail", after: 0, limit: 9).isEmpty)
    }
}
