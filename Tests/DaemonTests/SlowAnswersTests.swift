import Core
import Synchronization
import Testing

@testable import roost

/// An answer that is older than it may be, or made again where it need not be.
struct SlowAnswersTests {
    /// Moves by hand.
    private final class Hand: TimeSource {
        private let now = Atomic<Int64>(0)

        func wall() -> EventTime { EventTime(microseconds: monotonic()) }
        func monotonic() -> Int64 { now.load(ordering: .relaxed) }
        func pass(_ microseconds: Int64) { now.add(microseconds, ordering: .relaxed) }
    }

    /// Answers with how many times it was asked, each time after so long.
    private final class Source: Sendable {
        let hand = Hand()
        private let cost: Int64
        private let count = Atomic<Int>(0)

        init(cost: Int64) { self.cost = cost }

        func make() -> Result<Int, StatusFailure> {
            hand.pass(cost)
            return .success(count.add(1, ordering: .relaxed).newValue)
        }
    }

    @Test func `what is made quickly is made each time`() async throws {
        let source = Source(cost: 100_000)
        let answers = SlowAnswers<Int>(source.hand)
        for number in 1...3 {
            let told = try await answers.answer("a") { source.make() }
            #expect(told == number)
        }
    }

    @Test func `a slow answer is told again, then while it is made anew, then waited for`() async throws {
        let source = Source(cost: 1_000_000)
        let answers = SlowAnswers<Int>(source.hand)
        func ask(_ question: String = "a") async throws -> Int {
            try await answers.answer(question) { source.make() }
        }
        var told = try await ask()
        #expect(told == 1)
        source.hand.pass(19_999_999)
        told = try await ask()
        #expect(told == 1)
        // Another question is another answer.
        told = try await ask("b")
        #expect(told == 2)
        source.hand.pass(30_000_000)
        told = try await ask()
        #expect(told == 1)
        while told == 1 { told = try await ask() }
        #expect(told == 3)
        source.hand.pass(61_000_000)
        told = try await ask()
        #expect(told == 4)
    }

    @Test func `who asks while it is made waits for the same one`() async throws {
        let source = Source(cost: 1_000_000)
        let answers = SlowAnswers<Int>(source.hand)
        let told = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await answers.answer("a") {
                        await Task.yield()
                        return source.make()
                    }
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(told == [1])
    }

    @Test func `a failure is not kept`() async throws {
        let hand = Hand()
        let answers = SlowAnswers<Int>(hand)
        let failure = StatusFailure(httpStatus: 404, code: "unknown_segment", detail: "there is none")
        await #expect(throws: StatusFailure.self) {
            try await answers.answer("a") {
                hand.pass(1_000_000)
                return .failure(failure)
            }
        }
        let told = try await answers.answer("a") { .success(7) }
        #expect(told == 7)
    }
}
