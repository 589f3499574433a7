import Core
import Testing

@testable import Store
@testable import StoreSupport

private let noSpace: Int32 = 28
private let inputOutput: Int32 = 5

/// A disk without room is waited for; one that fails is not trusted again.
struct JournalFullDiskTests {
    @Test(arguments: [0, 1, 19, 20, 21, 300, 500])
    func `records that found no room are taken back and written when there is some`(part: Int) throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        var kept = try commit([30], to: &journal)
        let length = journal.bytes
        system.inject(.init(operation: .write, code: noSpace, partBytes: part))
        for size in [200, 400] {
            let bytes = payload(journal.nextRecord, length: size)
            kept.append(Entry(number: journal.append(kind: 7, payload: bytes), kind: 7, payload: bytes))
        }
        let path = "/" + JournalFormat.fileName(first: 1)
        #expect(throws: JournalError.noSpace(path: path)) { try journal.commit() }
        #expect(Int64(try contents(path, in: system).count) == length)
        #expect(journal.committedRecord == 2)
        kept.append(Entry(number: journal.append(kind: 9, payload: [4]), kind: 9, payload: [4]))
        try journal.commit()
        #expect(journal.pendingBytes == 0)
        #expect(try entries(journal) == kept)
        let again = try openJournal(system)
        #expect(try entries(again) == kept)
    }

    @Test(arguments: [FileError.Operation.open, .write])
    func `a new segment that found no room leaves nothing and is tried again`(
        operation: FileError.Operation
    ) throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 50)
        var kept = try commit([30], to: &journal)
        system.inject(.init(operation: operation, code: noSpace, partBytes: 9, times: 3))
        let bytes = payload(2, length: 25)
        kept.append(Entry(number: journal.append(kind: 7, payload: bytes), kind: 7, payload: bytes))
        for _ in 0..<3 {
            #expect(throws: JournalError.noSpace(path: "/" + JournalFormat.fileName(first: 2))) {
                try journal.commit()
            }
            #expect(try system.list("").count == 1)
        }
        try journal.commit()
        #expect(journal.segments == 2)
        #expect(try entries(journal) == kept)
    }

    @Test(arguments: [FileError.Operation.fdatasync, .write])
    func `a failed fsync or write ends the journal and is never tried again`(
        operation: FileError.Operation
    ) throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        try commit([30], to: &journal)
        system.inject(.init(operation: operation, code: inputOutput))
        let fatal = JournalError.fatal(
            FileError(operation, "/" + JournalFormat.fileName(first: 1), inputOutput))
        #expect(throws: fatal) { try commit([10], to: &journal) }
        let operations = system.operations
        #expect(throws: fatal) { try journal.commit() }
        #expect(throws: fatal) { try commit([10], to: &journal) }
        #expect(system.operations == operations)
    }

    @Test func `a failed fsync for want of room is fatal, too`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        system.inject(.init(operation: .fdatasync, code: noSpace))
        #expect(throws: JournalError.self) { try commit([10], to: &journal) }
        #expect(throws: JournalError.self) { try journal.commit() }
    }

    @Test func `a rollback that fails is fatal`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        system.inject(.init(operation: .write, code: noSpace, partBytes: 3))
        system.inject(.init(operation: .truncate, code: inputOutput))
        let path = "/" + JournalFormat.fileName(first: 1)
        #expect(throws: JournalError.fatal(FileError(.truncate, path, inputOutput))) {
            try commit([10], to: &journal)
        }
    }
}
