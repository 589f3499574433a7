import Core
import Engine

/// A figure, or why there is none.
enum Figure<Value> {
    case known(Value)
    case missing(String)

    var value: Value? { if case .known(let value) = self { value } else { nil } }
}

/// Everything a backtest under one configuration has come to.
struct BacktestFigures {
    /// What became of the lines.
    struct Reading {
        var lines: Int64 = 0
        var events: Int64 = 0
        var late: Int64 = 0
        var duplicates: Int64 = 0
        /// By code, those that occurred.
        var rejected: [Named<Int64>] = []
        /// The first few of them in words, with file and line.
        var examples: [String] = []
        /// Control lines, which are no events.
        var controlLines: Int64 = 0
        /// Events after `--until`, which only the outcomes are read from.
        var leftOut: Int64 = 0
    }

    /// A candidate of a model and its verdict.
    struct Candidate {
        var name: String
        var version: Int
        var adopted: Bool
        var fittedAt: EventTime
        var reason: String
    }

    /// Path of the configuration, as given.
    var configuration: String
    /// How models were refitted, in words.
    var schedule: String
    var reading = Reading()
    var users = 0
    var buyers = 0
    /// Times of the first and last event; nil without any.
    var from: EventTime?
    var to: EventTime?
    /// The clock at the end.
    var now: EventTime?
    var candidates: [Candidate] = []
    var tally: TriggerTally
    var messages: Messages
    /// Of every buyer on the first of each month.
    var dates: Figure<DateFigures>
    /// Of `repurchase_due` as it fired.
    var told: Figure<DateFigures>
    var churn: Figure<ChurnFigures>
    /// Days on which every buyer was scored.
    var scoredOn: [Int32] = []

    /// Rules that fired, by name.
    var rules: [(name: String, figures: TriggerTally.Rule)] {
        tally.rules.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Months in which any fired, ascending.
    var months: [String] { Set(tally.rules.values.flatMap { $0.months.keys }).sorted() }
}

extension BacktestFigures {
    /// - Parameters:
    ///   - forecasts: made on the first of each month.
    ///   - engine: after everything, settled.
    init(
        configuration: String, history: PurchaseHistory, tally: TriggerTally, forecasts: [MadeForecast],
        engine: BacktestEngine, settings: Settings
    ) {
        let ledger = engine.ledger()
        let totals = engine.totals()
        self.configuration = configuration
        schedule = settings.scheduleInWords(isWall: settings.clock.mode == .wall)
        reading.lines = ledger.lines
        reading.events = totals.events
        reading.late = totals.late
        reading.duplicates = totals.duplicates
        reading.rejected = RejectionCode.allCases.map {
            Named($0.text, ledger.rejected[Int($0.rawValue)])
        }.filter { $0.value > 0 }
        users = Int(totals.users)
        buyers = history.count
        if history.from <= history.to {
            from = EventTime(microseconds: history.from)
            to = EventTime(microseconds: history.to)
        }
        if ledger.clock.now > EventTime.distantPast.microseconds {
            now = EventTime(microseconds: ledger.clock.now)
        }
        candidates = engine.candidates().map {
            Candidate(
                name: $0.name, version: $0.version, adopted: $0.adopted, fittedAt: $0.fittedAt,
                reason: $0.reason)
        }
        self.tally = tally
        messages = tally.messages(users: users)
        scoredOn = Set(forecasts.map(\.day)).sorted()
        let judgement = ForecastJudgement(history: history, zone: settings.clock.zone)
        let dates = judgement.dates(forecasts)
        let told = judgement.dates(tally.dated)
        let churn = judgement.churn(
            forecasts, horizon: ledger.settings.outcomes.churnHorizon,
            threshold: settings.triggers.churnRiskThreshold)
        self.dates = .missing("")
        self.told = .missing("")
        self.churn = .missing("")
        self.dates =
            dates.predictions > 0
            ? .known(dates) : .missing(reasonForNothing(of: "repurchase", settings))
        self.told =
            told.predictions > 0
            ? .known(told)
            : .missing(
                tally.rules["repurchase_due"] == nil ? "repurchase_due never fired" : "no date was told")
        self.churn =
            churn.scores == 0
            ? .missing(reasonForNothing(of: "churn", settings))
            : churn.known == 0
                ? .missing("the log ends before models.churn.horizon has passed since the first scores")
                : .known(churn)
    }

    /// Why nobody was scored by a model on the first of any month.
    private func reasonForNothing(of model: String, _ settings: Settings) -> String {
        if !settings.models.enabled.contains(model) { return "models.enabled does not name \(model)" }
        let own = candidates.filter { $0.name == model }
        guard let last = own.last else {
            return "\(model) was never fitted: \(schedule)"
        }
        guard let adopted = own.first(where: \.adopted) else {
            return "no candidate of \(model) was adopted; the last: \(last.reason)"
        }
        return "\(model) was first adopted at \(adopted.fittedAt), and no month begins in the log after that"
    }
}

extension Settings {
    /// How these settings refit models in a backtest.
    fileprivate func scheduleInWords(isWall: Bool) -> String {
        guard let schedule = onEventClock.models.schedule else {
            return "under the event clock models are refitted only where models.schedule says so"
        }
        guard let every = schedule.every else { return "models.schedule is \"off\"" }
        let at = "every \(DurationText.text(every)) at \(DurationText.text(schedule.at))"
        return isWall && models.schedule == nil ? "\(at), as the wall clock does unless told otherwise" : at
    }
}
