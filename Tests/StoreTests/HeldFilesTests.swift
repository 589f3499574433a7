import Glibc
import Store
import Testing

@testable import StoreSupport

/// What is searched while SQLite has it open.
struct HeldFilesTests {
    /// `F_OFD_GETLK`: asks who holds a lock that would stand in the way, this process included.
    private static let askForLock: Int32 = 36

    private func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR)
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        // The probe is not closed: that would give up what it asks for.
        return fcntl(descriptor, Self.askForLock, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
    }

    @Test func `a search leaves the locks of open databases`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a.db"
        let database = try Database.open(path: path)
        try database.execute("CREATE TABLE a (b TEXT); INSERT INTO a VALUES ('what is looked for')")
        let search = ByteSearch(
            fileSystem: DiskFileSystem(), held: HeldFiles(fileSystem: DiskFileSystem()))
        for _ in 0..<2 {
            var found: Int64 = 0
            for suffix in ["", "-wal", "-shm"] {
                found += try search.count([Array("what is looked for".utf8)], in: path + suffix).found[0]
            }
            #expect(found > 0)
        }
        #expect(isLocked(path))
        #expect(isLocked(path + "-shm"))
        try database.execute("DROP TABLE a")
    }

    @Test func `what is written later is found through the same file`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a.db"
        let database = try Database.open(path: path)
        let search = ByteSearch(
            fileSystem: DiskFileSystem(), held: HeldFiles(fileSystem: DiskFileSystem()))
        let needle = Array("comes later".utf8)
        #expect(try search.count([needle], in: path).found == [0])
        try database.execute("CREATE TABLE a (b TEXT); INSERT INTO a VALUES ('comes later')")
        #expect(try database.emptyLog())
        #expect(try search.count([needle], in: path).found == [1])
        try database.vacuum()
        try database.execute("DELETE FROM a")
        try database.vacuum()
        #expect(try database.emptyLog())
        #expect(try search.count([needle], in: path).found == [0])
    }

    /// Whoever writes next waits behind an emptying: it must not wait for a reader as a change does.
    @Test func `a log that a reader holds is not waited for`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a.db"
        let database = try Database.open(path: path)
        try database.execute("CREATE TABLE a (b TEXT); INSERT INTO a VALUES ('first')")
        let reader = try Database.open(path: path)
        try reader.execute("BEGIN; SELECT * FROM a")
        try database.execute("INSERT INTO a VALUES ('second')")
        #expect(try !database.emptyLog())
        try reader.execute("COMMIT")
        #expect(try database.emptyLog())
    }

    @Test func `what is written rarely keeps a small log`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/cursors.db"
        let cursors = try Cursors.open(path: path)
        for seq in 1...1200 { try cursors.store(Int64(seq), of: "push") }
        let log = try DiskFileSystem().open(path + "-wal", .read)
        #expect(try log.size() <= 600 * 4120)
    }
}
