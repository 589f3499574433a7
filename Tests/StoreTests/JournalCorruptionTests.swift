import Core
import Testing

@testable import Store
@testable import StoreSupport

/// Damage to what had been on disk is never skipped.
struct JournalCorruptionTests {
    private func refusal(_ files: [(path: String, bytes: [UInt8])], from: UInt64 = 1) throws -> JournalError?
    {
        let system = try fileSystem(holding: files)
        do {
            let journal = try openJournal(system, segmentBytes: 300, from: from)
            _ = try entries(journal, from: from)
            return nil
        } catch let error as JournalError {
            return error
        }
    }

    @Test(arguments: [true, false])
    func `any bit flipped in a record before others is refused with file and byte`(ownCommits: Bool) throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        try commit([10], to: &journal)
        let start = Int(journal.bytes)
        if ownCommits {
            try commit([40], to: &journal)
            try commit([20], to: &journal)
        } else {
            try commit([40, 20], to: &journal)
        }
        let file = try #require(try files(of: system).first)
        for index in start..<start + 60 {
            for bit in 0..<8 {
                var bytes = file.bytes
                bytes[index] ^= 1 << UInt8(bit)
                let error = try refusal([(file.path, bytes)])
                guard case .corrupt(file.path, Int64(start), _)? = error else {
                    Issue.record("bit \(bit) of byte \(index): \(String(describing: error))")
                    return
                }
            }
        }
    }

    @Test func `a page of zeros over finished commits is refused`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        for _ in 0..<40 { try commit([80], to: &journal) }
        let file = try #require(try files(of: system).first)
        var bytes = file.bytes
        for index in 1024..<2048 { bytes[index] = 0 }
        guard case .corrupt(file.path, let offset, _)? = try refusal([(file.path, bytes)]) else {
            Issue.record("not refused")
            return
        }
        #expect((924...1024).contains(offset))
    }

    private func threeSegments() throws -> [(path: String, bytes: [UInt8])] {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 300)
        for _ in 0..<12 { try commit([60], to: &journal) }
        #expect(journal.segments >= 3)
        return try files(of: system)
    }

    @Test func `any byte changed in a middle segment is refused`() throws {
        let whole = try threeSegments()
        for index in whole[1].bytes.indices {
            var damaged = whole
            damaged[1].bytes[index] ^= 0x10
            let error = try refusal(damaged)
            switch error {
            case .corrupt(damaged[1].path, _, _), .foreign, .newerFormat: break
            default: Issue.record("byte \(index): \(String(describing: error))")
            }
        }
    }

    @Test func `a middle segment cut at any byte is refused`() throws {
        let whole = try threeSegments()
        for length in 0..<whole[1].bytes.count {
            var damaged = whole
            damaged[1].bytes = Array(damaged[1].bytes[..<length])
            let error = try refusal(damaged)
            switch error {
            case .corrupt(damaged[1].path, _, _), .missing: break
            default: Issue.record("length \(length): \(String(describing: error))")
            }
        }
    }

    @Test func `a missing segment is refused unless all of it lies below what is needed`() throws {
        let whole = try threeSegments()
        let firsts = whole.map { JournalFormat.first(ofFileName: String($0.path.dropFirst()))! }
        #expect(
            try refusal([whole[0]] + whole[2...])
                == .missing(directory: "", from: firsts[1], through: firsts[2] - 1))
        #expect(try refusal([whole[0]] + whole[2...], from: firsts[2]) == nil)
        #expect(try refusal(Array(whole[1...])) == .missing(directory: "", from: 1, through: firsts[1] - 1))
        #expect(try refusal([], from: 5) == .missing(directory: "", from: 1, through: 4))
        #expect(try refusal([whole[0]], from: 9) == .missing(directory: "", from: firsts[1], through: 8))
    }

    @Test func `the last segment's header is not forgiven where records follow it`() throws {
        let whole = try threeSegments()
        for index in 0..<44 {
            var damaged = whole
            damaged[damaged.count - 1].bytes[index] ^= 1
            #expect(try refusal(damaged) != nil, "byte \(index)")
        }
    }

    @Test func `another store's segment is refused`() throws {
        let files = try threeSegments()
        let system = try fileSystem(holding: files)
        #expect(throws: JournalError.foreign(path: files[files.count - 1].path)) {
            _ = try Journal.open(
                directory: "", store: StoreUUID(bytes: Array(2...17)), segmentBytes: 300, fileSystem: system,
                from: 1)
        }
    }

    @Test func `a payload that looks like a journal record does not pass for one`() throws {
        var imitation: [UInt8] = []
        [1, 2, 3].withUnsafeBytes {
            JournalFormat.append(
                $0, kind: 7, number: 5, place: 0, seed: Checksum.crc32c(testStore.bytes.reversed()),
                to: &imitation)
        }
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        let kept = try commit([10], to: &journal)
        _ = journal.append(kind: 1, payload: imitation)
        try journal.commit()
        let file = try #require(try files(of: system).first)
        let torn = try fileSystem(holding: [(file.path, Array(file.bytes.dropLast(1)))])
        let again = try openJournal(torn)
        #expect(try entries(again) == kept)
    }
}
