import Core
import Testing

@testable import Store
@testable import StoreSupport

/// A crash leaves any part of the last commit.
struct JournalTornTailTests {
    private func journalOfTwoCommits(
        _ last: [Int]
    ) throws -> (bytes: [UInt8], path: String, kept: [Entry], lost: [Entry], boundary: Int) {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        let kept = try commit([30, 0, 700], to: &journal)
        let boundary = Int(journal.bytes)
        let lost = try commit(last, to: &journal)
        let file = try #require(try files(of: system).first)
        return (file.bytes, file.path, kept, lost, boundary)
    }

    @Test(arguments: [[60], [0], [40, 25, 33]])
    func `a tail cut at any byte is cut back to the last whole record and written on`(last: [Int]) throws {
        let (bytes, path, kept, lost, boundary) = try journalOfTwoCommits(last)
        for length in boundary..<bytes.count {
            let system = try fileSystem(holding: [(path, Array(bytes[..<length]))])
            var journal = try openJournal(system)
            let whole = lost.prefix { entry in
                boundary + lost[...lost.firstIndex(of: entry)!].reduce(0) { $0 + 20 + $1.payload.count }
                    <= length
            }
            #expect(try entries(journal) == kept + whole, "cut at \(length)")
            let more = try commit([11], to: &journal)
            let again = try openJournal(system)
            #expect(try entries(again) == kept + whole + more)
        }
    }

    @Test func `a tail of zeros is cut, however long`() throws {
        let (bytes, path, kept, _, boundary) = try journalOfTwoCommits([60])
        for zeros in [1, 7, 20, 512, 4096, 100_000] {
            let file = Array(bytes[..<boundary]) + [UInt8](repeating: 0, count: zeros)
            let system = try fileSystem(holding: [(path, file)])
            let journal = try openJournal(system)
            #expect(try entries(journal) == kept)
            #expect(try contents(path, in: system).count == boundary)
        }
    }

    @Test func `a last record with zeros from any byte on is cut`() throws {
        let (bytes, path, kept, lost, boundary) = try journalOfTwoCommits([90])
        for start in boundary..<bytes.count {
            var file = bytes
            for index in start..<file.count { file[index] = 0 }
            let system = try fileSystem(holding: [(path, file)])
            let journal = try openJournal(system)
            #expect(try entries(journal) == (file == bytes ? kept + lost : kept))
        }
    }

    @Test func `a commit whose first page was lost is cut although later records of it arrived`() throws {
        let (bytes, path, kept, _, boundary) = try journalOfTwoCommits([900, 30, 900])
        var file = bytes
        let page = (boundary / 512 + 1) * 512
        for index in page..<page + 512 { file[index] = 0 }
        let system = try fileSystem(holding: [(path, file)])
        let journal = try openJournal(system)
        #expect(try entries(journal) == kept)
    }

    @Test func `a new last segment without a whole header goes`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 100)
        let kept = try commit([200], to: &journal)
        let header = JournalFormat.header(store: testStore, first: 2)
        for length in 0..<header.count {
            var broken = Array(header[..<length])
            if length % 2 == 1 { broken += [UInt8](repeating: 0, count: 44 - length) }
            let before = try files(of: system)
            let damaged = try fileSystem(
                holding: before + [("/" + JournalFormat.fileName(first: 2), broken)])
            var journal = try openJournal(damaged, segmentBytes: 100)
            #expect(journal.segments == 1)
            let more = try commit([5], to: &journal)
            #expect(try entries(journal) == kept + more)
        }
    }

    @Test func `what was cut is gone from the disk before the journal is written on`() throws {
        let (bytes, path, _, _, boundary) = try journalOfTwoCommits([60])
        let system = try fileSystem(holding: [(path, Array(bytes.dropLast(1)))])
        _ = try openJournal(system)
        var chance = Randomness(seed: 1)
        let after = system.restart(keeping: .nothing, using: &chance)
        #expect(try contents(path, in: after).count == boundary)
    }
}
