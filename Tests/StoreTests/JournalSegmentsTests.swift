import Core
import Testing

@testable import Store
@testable import StoreSupport

/// Segments come, are read in order, and go.
struct JournalSegmentsTests {
    @Test func `records keep number, kind and payload over segments and a restart`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 400)
        var kept: [Entry] = []
        for round in 0..<30 {
            for size in [0, 1, round * 17] {
                let bytes = payload(journal.nextRecord, length: size)
                let kind = UInt8(round)
                kept.append(
                    Entry(number: journal.append(kind: kind, payload: bytes), kind: kind, payload: bytes))
            }
            try journal.commit()
        }
        #expect(kept.map(\.number) == Array(1...90))
        let again = try openJournal(system, segmentBytes: 400)
        #expect(again.segments > 5)
        #expect(again.records == 90)
        #expect(again.nextRecord == 91)
        #expect(again.bytes == Int64(try files(of: system).reduce(0) { $0 + $1.bytes.count }))
        for from: UInt64 in [1, 2, 44, 90, 91] {
            #expect(try entries(again, from: from) == kept.filter { $0.number >= from })
        }
    }

    @Test func `a record costs twenty bytes beside its payload`() throws {
        var journal = try openJournal(FaultyFileSystem())
        let before = journal.bytes
        try commit([100], to: &journal)
        #expect(journal.bytes - before == 120)
    }

    @Test func `a record larger than the reading window is read whole`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 100)
        var kept: [Entry] = []
        for size in [10, SegmentReader.windowBytes * 2 + 5, 3, SegmentReader.windowBytes, 8] {
            kept += try commit([size], to: &journal)
        }
        let again = try openJournal(system)
        #expect(try entries(again) == kept)
    }

    @Test func `a commit of nothing touches nothing`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        let operations = system.operations
        try journal.commit()
        #expect(system.operations == operations)
    }

    @Test func `only whole segments below the number are cut, and never the last`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 200)
        for _ in 0..<12 { try commit([100], to: &journal) }
        let firsts = try system.list("").map { JournalFormat.first(ofFileName: $0)! }
        #expect(try journal.cut(below: firsts[2] - 1) == 1)
        #expect(journal.firstRecord == firsts[1])
        #expect(try journal.cut(below: firsts[2]) == 1)
        #expect(try journal.cut(below: 1000) == firsts.count - 3)
        #expect(journal.segments == 1)
        #expect(try entries(journal, from: firsts.last!).count == Int(13 - firsts.last!))
        #expect(throws: JournalError.missing(directory: "", from: 1, through: firsts.last! - 1)) {
            try entries(journal, from: 1)
        }
    }

    @Test(arguments: [false, true])
    func `cut segments go to the archive, also on another device`(otherDevice: Bool) throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system, segmentBytes: 200, archive: "/archive")
        for _ in 0..<9 { try commit([100], to: &journal) }
        let before = try files(of: system)
        if otherDevice {
            system.inject(.init(operation: .rename, code: 18, path: "/0", times: 1))
            system.inject(.init(operation: .rename, code: 18, after: 1, path: "/0", times: 1))
        }
        let removed = try journal.cut(below: 1000)
        #expect(removed == before.count - 1)
        for file in before.dropLast() {
            #expect(try contents("/archive" + file.path, in: system) == file.bytes)
        }
        #expect(try system.list("").count == 1)
        #expect(try system.list("/archive").count == removed)
    }

    @Test func `what the body throws ends the replay`() throws {
        struct Stop: Error {}
        var journal = try openJournal(FaultyFileSystem())
        try commit([1, 2, 3], to: &journal)
        var seen = 0
        #expect(throws: Stop.self) {
            try journal.replay(from: 1) { number, _, _ in
                seen += 1
                if number == 2 { throw Stop() }
            }
        }
        #expect(seen == 2)
    }
}
