import Core

/// Answers that cost a look at everything, kept for a while, so that pages left open do not have them made again and
/// again: making them takes a twentieth of the time at most.
///
/// What is made quickly is made each time. A slow answer is told for `restFactor` times as long as it took; after that
/// it is made anew, meanwhile the one before is told for a while yet; one that is older than that is waited for. Whoever
/// asks while it is being made waits for the same one.
actor SlowAnswers<Answer: Sendable> {
    typealias Made = Result<Answer, StatusFailure>

    private struct Kept {
        var made: Made
        /// Microseconds that it took.
        var cost: Int64
        /// When it was done, monotonic.
        var at: Int64
    }

    /// Microseconds; what takes less is not kept.
    private static var quick: Int64 { 100_000 }
    private static var restFactor: Int64 { 20 }
    private static var oldFactor: Int64 { 3 * restFactor }
    /// Questions whose answers are kept.
    private static var most: Int { 16 }

    private let time: any TimeSource
    private var kept: [String: Kept] = [:]
    private var making: [String: Task<Made, Never>] = [:]

    init(_ time: any TimeSource) { self.time = time }

    /// - Parameters:
    ///   - question: everything that the answer depends on beside the state.
    ///   - make: makes the answer.
    func answer(
        _ question: String, _ make: @escaping @Sendable () async -> Made
    ) async throws(StatusFailure) -> Answer {
        if let known = kept[question] {
            let age = time.monotonic() - known.at
            if age < known.cost * Self.restFactor { return try known.made.get() }
            if age < known.cost * Self.oldFactor {
                _ = begin(question, make)
                return try known.made.get()
            }
        }
        return try await begin(question, make).value.get()
    }

    private func begin(_ question: String, _ make: @escaping @Sendable () async -> Made) -> Task<Made, Never>
    {
        if let under = making[question] { return under }
        let begin = time.monotonic()
        let task = Task {
            let made = await make()
            self.keep(made, of: question, since: begin)
            return made
        }
        making[question] = task
        return task
    }

    private func keep(_ made: Made, of question: String, since begin: Int64) {
        making[question] = nil
        let now = time.monotonic()
        guard case .success = made, now - begin > Self.quick else {
            kept[question] = nil
            return
        }
        kept[question] = Kept(made: made, cost: now - begin, at: now)
        if kept.count > Self.most, let oldest = kept.min(by: { $0.value.at < $1.value.at }) {
            kept[oldest.key] = nil
        }
    }
}
