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
}
