import Core
import Testing

@testable import Store
@testable import StoreSupport

/// The power goes at every operation: every committed record survives, none is invented.
struct JournalPowerCutTests {
    /// What a run did before the lights went out.
    private struct Ledger {
        var appended: [Entry] = []
        var committed = 0
        /// Records below were not needed any more when `cut` was called.
        var needed: UInt64 = 1
    }

    private func run(_ system: FaultyFileSystem, _ ledger: inout Ledger, archive: String?)
        throws(JournalError)
    {
        var journal = try openJournal(
            system, segmentBytes: 1500, archive: archive, from: ledger.needed)
        for round in 0..<14 {
            for step in 0...(round % 3) {
                let bytes = payload(journal.nextRecord, length: 40 + 300 * ((round + step) % 4))
                let number = journal.append(kind: 7, payload: bytes)
                ledger.appended.append(Entry(number: number, kind: 7, payload: bytes))
            }
            try journal.commit()
            ledger.committed = ledger.appended.count
            if round % 5 == 4 {
                ledger.needed = journal.nextRecord - 3
                _ = try journal.cut(below: ledger.needed)
            }
        }
    }

    private func check(_ system: FaultyFileSystem, _ ledger: Ledger, _ place: String) throws {
        var journal = try openJournal(system, segmentBytes: 1500, from: ledger.needed)
        let found = try entries(journal, from: ledger.needed)
        let expected = ledger.appended.filter { $0.number >= ledger.needed }
        let committed = ledger.appended.prefix(ledger.committed).filter { $0.number >= ledger.needed }
        #expect(found.count >= committed.count, "\(place): a committed record is lost")
        #expect(found == Array(expected.prefix(found.count)), "\(place): a record is invented")
        let more = try commit([5, 600], to: &journal)
        let again = try openJournal(system, segmentBytes: 1500, from: ledger.needed)
        #expect(try entries(again, from: ledger.needed) == found + more, "\(place)")
    }

    @Test(arguments: [nil, "/archive"], [false, true])
    func `at every operation of append, commit, rotation and cut`(archive: String?, afterEffect: Bool) throws
    {
        let whole = FaultyFileSystem()
        var ledger = Ledger()
        try run(whole, &ledger, archive: archive)
        var chance = Randomness(seed: 3)
        for operation in 0..<whole.operations {
            let system = FaultyFileSystem()
            system.cutPower(at: operation, afterEffect: afterEffect)
            var ledger = Ledger()
            #expect(throws: JournalError.self) { try run(system, &ledger, archive: archive) }
            for kept in [FaultyFileSystem.Kept.nothing, .everything, .some, .some, .some] {
                let after = system.restart(keeping: kept, using: &chance)
                try check(after, ledger, "operation \(operation), \(kept)")
            }
        }
    }

    @Test func `at every operation of a recovery`() throws {
        let first = FaultyFileSystem()
        var ledger = Ledger()
        first.cutPower(at: 41, afterEffect: true)
        #expect(throws: JournalError.self) { try run(first, &ledger, archive: nil) }
        var chance = Randomness(seed: 5)
        for trial in 0..<60 {
            var system = first.restart(keeping: .some, using: &chance)
            for operation in 0..<6 {
                system.cutPower(at: operation, afterEffect: trial % 2 == 0)
                do throws(JournalError) {
                    _ = try openJournal(system, segmentBytes: 1500, from: ledger.needed)
                } catch {
                    guard case .file(let cause) = error, cause.code == 19 else { throw error }
                }
                system = system.restart(keeping: .some, using: &chance)
            }
            try check(system, ledger, "trial \(trial)")
        }
    }

    @Test func `what a recovery showed is still there after a further cut`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        try commit([20], to: &journal)
        system.inject(.init(operation: .fdatasync, code: 5))
        #expect(throws: JournalError.self) { try commit([700, 700], to: &journal) }
        let again = try openJournal(system)
        let shown = try entries(again)
        #expect(shown.count == 3)
        var chance = Randomness(seed: 7)
        let after = try openJournal(system.restart(keeping: .nothing, using: &chance))
        #expect(try entries(after) == shown)
    }
}
