import Core
import Glibc
import Store
import Testing

@testable import StoreSupport

/// An erasure that a crash forgets, or an id that stays behind in the register.
struct ErasureRegisterTests {
    private let key = HashKey(k0: 1, k1: 2)
    private let id = Array("customer \u{0}\"1\"".utf8)

    private func register(_ system: any FileSystem) throws(ErasureRegisterError) -> ErasureRegister {
        try ErasureRegister(directory: "", key: key, fileSystem: system)
    }

    private func request(_ receipt: String, _ user: [UInt8]) -> PendingErasure {
        PendingErasure(
            receipt: receipt, mark: key.erasureMark(of: user), user: user,
            requestedAt: EventTime(microseconds: 5))
    }

    private func finished(_ erasure: PendingErasure) -> FinishedErasure {
        var removed = ErasureView.Removed()
        removed.triggers = 3
        removed.search = ErasureView.Search(bytes: 10, found: 0)
        return FinishedErasure(
            erasure, record: erasure.record ?? 0, doneAt: EventTime(microseconds: 9), removed: removed)
    }

    @Test func `what is under way and what is done reads back`() throws {
        let system = FaultyFileSystem()
        let first = try register(system)
        try first.add([request("a", id), request("b", [0xFF, 0])])
        let erased = ErasedUser(mark: key.erasureMark(of: id), id: id, events: 7)
        try first.recorded(
            4, marks: [key.erasureMark(of: id)], erased: [erased], triggers: 20, letters: 30,
            wallNow: EventTime(microseconds: 6))
        let again = try register(system)
        #expect(again.pending == first.pending)
        #expect(again.pending.map(\.record) == [4, nil])
        #expect(again.pending.map(\.user) == [id, [0xFF, 0]])
        #expect(again.pending[0].events == 7)
        let done = finished(again.pending[0])
        try again.finish([done])
        #expect(try register(system).pending.map(\.receipt) == ["b"])
        #expect(try register(system).finished("a") == done)
        #expect(try register(system).finished("b") == nil)
        #expect(try register(system).doneCount == 1)
    }

    @Test func `nothing of the id is left when it is done`() throws {
        let system = FaultyFileSystem()
        let register = try register(system)
        try register.add([request("a", id)])
        try register.recorded(
            1, marks: [key.erasureMark(of: id)], erased: [], triggers: 0, letters: 0,
            wallNow: EventTime(microseconds: 6))
        try register.finish(register.pending.map(finished))
        #expect(try system.list("") == [ErasureRegister.doneName])
        let bytes = try contents("/" + ErasureRegister.doneName, in: system)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("637573746f6d6572"))
    }

    @Test func `a replay that comes by again keeps what was noted at first`() throws {
        let register = try register(FaultyFileSystem())
        let mark = key.erasureMark(of: id)
        try register.add([request("a", id)])
        for triggers: Int64 in [10, 99] {
            try register.recorded(
                4, marks: [mark], erased: [], triggers: triggers, letters: triggers,
                wallNow: EventTime(microseconds: 6))
        }
        #expect(register.pending.map(\.triggers) == [10])
        // The same id once more, as a new user: an erasure of its own.
        try register.add([request("b", id)])
        try register.recorded(
            8, marks: [mark], erased: [], triggers: 50, letters: 50, wallNow: EventTime(microseconds: 6))
        #expect(register.pending.map(\.receipt) == ["a", "b"])
        #expect(register.pending.map(\.record) == [4, 8])
        #expect(register.pending.map(\.triggers) == [10, 50])
    }

    @Test func `marks without a request get a receipt of their own`() throws {
        let register = try register(FaultyFileSystem())
        let erased = ErasedUser(mark: key.erasureMark(of: id), id: id, events: 2)
        try register.recorded(
            4, marks: [erased.mark], erased: [erased], triggers: 1, letters: 1,
            wallNow: EventTime(microseconds: 6))
        #expect(register.pending.map(\.user) == [id])
        #expect(register.pending.map(\.receipt) == ["4-\(erased.mark.text.prefix(16))"])
    }

    @Test func `a restored backup begins anew what was done after it`() throws {
        let system = FaultyFileSystem()
        let first = try register(system)
        for (record, receipt) in [(UInt64(3), "a"), (7, "b"), (9, "c")] {
            let user = Array(receipt.utf8)
            try first.add([request(receipt, user)])
            try first.recorded(
                record, marks: [key.erasureMark(of: user)], erased: [], triggers: 0, letters: 0,
                wallNow: EventTime(microseconds: 6))
            try first.finish(first.pending.map(finished))
        }
        try first.reopen(after: 5)
        let restored = try register(system)
        #expect(restored.pending.map(\.receipt) == ["b", "c"])
        #expect(restored.pending.allSatisfy { $0.record == nil && $0.user == nil })
        #expect(try restored.allFinished().map(\.receipt) == ["a"])
    }

    @Test(arguments: [false, true])
    func `a power cut at any operation loses no accepted erasure`(afterEffect: Bool) throws {
        func work(_ system: any FileSystem, _ told: (String) -> Void) throws(ErasureRegisterError) {
            let register = try register(system)
            try register.add([request("a", id), request("b", [1])])
            told("added")
            try register.recorded(
                4, marks: register.pending.map(\.mark), erased: [], triggers: 2, letters: 3,
                wallNow: EventTime(microseconds: 6))
            try register.finish([finished(register.pending[0])])
            told("finished")
            try register.finish([finished(register.pending[0])])
        }
        let whole = FaultyFileSystem()
        try work(whole) { _ in }
        var chance = Randomness(seed: 1)
        for operation in 0..<whole.operations {
            let system = FaultyFileSystem()
            system.cutPower(at: operation, afterEffect: afterEffect)
            var told: Set<String> = []
            #expect(throws: ErasureRegisterError.self) { try work(system) { told.insert($0) } }
            for kept in [FaultyFileSystem.Kept.nothing, .everything, .some, .some] {
                let after = try register(system.restart(keeping: kept, using: &chance))
                let known = try after.pending.map(\.receipt) + after.allFinished().map(\.receipt)
                #expect(Set(known).count == known.count)
                if told.contains("added") { #expect(Set(known) == ["a", "b"]) }
                if told.contains("finished") { #expect(try after.finished("a") != nil) }
            }
        }
    }

    @Test func `a damaged line is refused with the path`() throws {
        for line in ["{", "{}", #"{"receipt":"a"}"#, #"{"receipt":"a","mark":"00","partition":1}"#] {
            let system = try fileSystem(holding: [("/erasing.ndjson", Array((line + "\n").utf8))])
            let error = #expect(throws: ErasureRegisterError.self) { _ = try register(system) }
            #expect(error?.description.contains("/erasing.ndjson is damaged") == true)
        }
    }
}
