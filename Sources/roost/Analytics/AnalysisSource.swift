import Core
import Dispatch
import Engine
import Synchronization

/// What an analysis asks: every shard at one position of the journal.
struct AnalysisSource: Sendable {
    let sequencer: Sequencer
    let shards: [Shard]
    let settings: Settings

    /// Sums of all shards, the moment they are of, and the names of events then.
    func gather<Totals: AnalyticsTotals>(
        _ question: @escaping @Sendable (isolated Shard) -> Totals
    ) async -> Moment<Totals> {
        let (ledger, parts) = await withCheckedContinuation { continuation in
            sequencer.look { ledger in
                let answers = Answers<Totals>(shards.count) { continuation.resume(returning: (ledger, $0)) }
                for (index, shard) in shards.enumerated() {
                    shard.ask(question) { answers.put(index, $0) }
                }
            }
        }
        var totals = Totals()
        for part in parts { totals.add(part) }
        let frame = AnalyticsFrame(
            asOf: EventTime(microseconds: ledger.clock.now), zone: ledger.settings.zone.name)
        return Moment(totals: totals, frame: frame, names: ledger.names)
    }

    struct Moment<Totals: AnalyticsTotals>: Sendable {
        let totals: Totals
        let frame: AnalyticsFrame
        let names: EventNames
    }
}

/// One answer of each shard, given on once all are there.
final class Answers<Answer: Sendable>: Sendable {
    private let answers: Mutex<[Int: Answer]>
    private let count: Int
    private let done: @Sendable ([Answer]) -> Void

    init(_ count: Int, done: @escaping @Sendable ([Answer]) -> Void) {
        self.count = count
        self.done = done
        answers = Mutex([:])
    }

    func put(_ index: Int, _ answer: Answer) {
        let all = answers.withLock { answers in
            answers[index] = answer
            return answers.count == count ? answers : nil
        }
        if let all { done(all.sorted { $0.key < $1.key }.map(\.value)) }
    }
}

extension Sequencer {
    /// Runs a question between two records without waiting for what is before it in the queue: questions to the
    /// shards asked here are all of one position.
    nonisolated func look(_ question: @escaping @Sendable (Ledger) -> Void) {
        executor.queue.async { self.assumeIsolated { question($0.ledger) } }
    }
}
