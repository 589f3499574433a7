import Core
import Dispatch
import Engine

// The end of a month is judged by the sums of all partitions at one position of the journal, between the event that
// closes it and the one before, and stands in the journal as a record of its own: so it is the same however the log is
// cut, on any number of shards, and after a crash.

extension Sequencer {
    /// Asks the shards for their sums, while the stream waits, and journals what follows from them.
    func judgeMonths(through end: Int64, now: Int64) {
        guard let first = ledger.monthEnd else { return }
        isJudgingMonths = true
        let answers = Answers<DayTotals>(shards.count) { parts in
            self.executor.queue.async {
                self.assumeIsolated { sequencer in
                    var days = DayTotals()
                    for part in parts { days.add(part) }
                    sequencer.record(days, first, end, now)
                }
            }
        }
        for (index, shard) in shards.enumerated() {
            shard.ask({ $0.dayTotals() }, completion: { answers.put(index, $0) })
        }
    }

    private func record(_ days: DayTotals, _ first: Int64, _ end: Int64, _ now: Int64) {
        isJudgingMonths = false
        if !isClosed {
            let months = salesWatch.judge(
                days, from: first, through: end, now: now, isDeclining: ledger.isDeclining)
            for decline in months.declines { log.info("sales: \(decline.message)") }
            append(.months(months))
        }
        drain()
    }
}

extension SalesWatch {
    init(_ settings: Settings) {
        self.init(
            settings.triggers.salesDecline, zone: settings.clock.zone, language: settings.triggers.language)
    }
}
