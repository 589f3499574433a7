import Core
import Store
import Testing

/// The real file system does what the journal relies on.
struct DiskFileSystemTests {
    @Test func `files are written, read, cut, listed, renamed and removed`() throws {
        let directory = try TemporaryDirectory()
        let system = DiskFileSystem()
        let path = directory.path + "/a"
        let file = try system.open(path, .create)
        try file.write([1, 2, 3, 4, 5], at: 0)
        try file.write([9], at: 7)
        try file.syncData()
        #expect(try file.readAll() == [1, 2, 3, 4, 5, 0, 0, 9])
        try file.truncate(to: 2)
        try file.sync()
        #expect(try file.size() == 2)
        try system.rename(path, to: directory.path + "/b")
        try system.ensureDirectory(directory.path + "/sub")
        try system.ensureDirectory(directory.path + "/sub")
        #expect(try system.list(directory.path) == ["b", "sub"])
        try system.unlink(directory.path + "/b")
        try system.syncDirectory(directory.path)
        #expect(try system.list(directory.path) == ["sub"])
    }

    @Test func `errors name operation, path and reason`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/none"
        let error = #expect(throws: FileError.self) { _ = try DiskFileSystem().open(path, .read) }
        #expect(error?.isMissing == true)
        #expect(error?.description == "open \(path): No such file or directory (errno 2)")
        #expect(throws: FileError.self) { try DiskFileSystem().list(path) }
    }

    @Test func `a device without room is told as such`() throws {
        let file = try DiskFileSystem().open("/dev/full", .update)
        let error = #expect(throws: FileError.self) { try file.write([1], at: 0) }
        #expect(error?.isNoSpace == true)
    }

    @Test func `a lock is had once`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/lock"
        let first = try DiskFileSystem().open(path, .createOrKeep)
        #expect(try first.tryLock())
        #expect(try !DiskFileSystem().open(path, .createOrKeep).tryLock())
    }

    @Test func `a journal is kept on it`() throws {
        let directory = try TemporaryDirectory()
        var journal = try openJournal(DiskFileSystem(), directory: directory.path, segmentBytes: 5000)
        var kept: [Entry] = []
        for _ in 0..<20 { kept += try commit([10, 2000], to: &journal) }
        _ = try journal.cut(below: 5)
        let again = try openJournal(
            DiskFileSystem(), directory: directory.path, segmentBytes: 5000, from: 5)
        #expect(try entries(again, from: 5) == Array(kept[4...]))
    }
}
