import Core
import Engine

/// What `roost backtest` was asked for.
struct BacktestRequest: Sendable {
    var files: [String]
    /// Nothing after it reaches the engine, and its clock ends there; nil: the log's end.
    var until: EventTime?
    /// Directory that the results go to; exists.
    var directory: String
}

/// Replays a history under one configuration and adds up what came of it.
struct BacktestRun: ~Copyable {
    private let request: BacktestRequest
    private let configuration: String
    private let settings: Settings
    private let engine: BacktestEngine
    private var history = PurchaseHistory()
    private var forecasts: [MadeForecast] = []
    /// First instant of the month in which everybody is scored next; nil before the first event.
    private var nextMonth: Int64?
    /// Greatest event time so far.
    private var now = Int64.min
    private var line: UInt64 = 0
    private var leftOut: Int64 = 0
    private let refusals: Guarded<[(line: UInt64, code: String, detail: String)]>

    private static let examplesMost = 10

    /// - Parameter configuration: path of the settings, for the report.
    init(_ request: BacktestRequest, configuration: String, settings: Settings, shardCount: Int? = nil) throws
    {
        self.request = request
        self.configuration = configuration
        self.settings = settings
        engine =
            try shardCount.map { try BacktestEngine(settings, shardCount: $0) } ?? BacktestEngine(settings)
        refusals = Guarded([])
    }

    /// Runs everything; the triggers go to a file of this name in the request's directory.
    consuming func figures(triggers name: String) throws -> BacktestFigures {
        var reader = HistoryReader(engine.settings, key: engine.key, needsSource: engine.needsSource)
        var bar = ProgressBar(total: Self.size(of: request.files), unit: "lines")
        var before: Int64 = 0
        for path in request.files {
            var position: Int64 = 0
            try reader.read(
                path,
                told: { bytes, lines in
                    position = bytes
                    bar.update(done: before + bytes, units: Int64(lines))
                }
            ) { try take($0) }
            before += position
        }
        try engine.settle()
        if let until = request.until, now > .min { try engine.advance(to: until) }
        bar.finish()
        history.settle(in: settings.clock.zone)
        let tally = try writeTriggers(to: "\(request.directory)/\(name)")
        var figures = BacktestFigures(
            configuration: configuration, history: history, tally: tally, forecasts: forecasts,
            engine: engine, settings: settings)
        figures.reading.leftOut = leftOut
        figures.reading.controlLines = Int64(reader.heldBack)
        figures.reading.examples = refusals.value.sorted { $0.line < $1.line }.prefix(Self.examplesMost).map {
            let place = reader.place(of: $0.line)
            return "\(place.path): data line \(place.line): \($0.code): \($0.detail)"
        }
        return figures
    }

    private static func size(of paths: [String]) -> Int64? {
        paths.reduce(0) { sum, path in sum.flatMap { sum in File.size(of: path).map { sum + $0 } } }
    }

    // MARK: Feeding

    private mutating func take(_ given: EventBatch) throws {
        history.take(given)
        let start = line
        line += UInt64(given.lineCount)
        let (batch, left, lines) = given.leavingOut(after: request.until?.microseconds ?? .max)
        leftOut += Int64(left)
        try submit(batch, BatchPlace(start: start, lines: lines))
    }

    /// Submits a batch, in parts where months begin in it.
    private mutating func submit(_ given: EventBatch, _ place: BatchPlace) throws {
        var rest = given
        var place = place
        while let row = beginningOfMonth(in: rest) {
            if row > 0 {
                let (first, second) = rest.split(atRow: row)
                try pass(first, place)
                place.skip(first.lineCount)
                rest = second
            }
            try score()
            nextMonth = rest.rows.first.map { settings.clock.zone.startOfNextMonth(after: $0.time) }
        }
        try pass(rest, place)
    }

    private mutating func pass(_ batch: EventBatch, _ place: BatchPlace) throws {
        guard !batch.isEmpty else { return }
        for row in batch.rows { now = max(now, row.time) }
        if nextMonth == nil, now > .min { nextMonth = settings.clock.zone.startOfNextMonth(after: now) }
        let refusals = refusals
        try engine.submit(batch) { rejections in
            let told = rejections.prefix(Self.examplesMost).map {
                (line: place[$0.line], code: $0.code.text, detail: $0.detail)
            }
            refusals.update { kept in
                kept.append(contentsOf: told)
                if kept.count > 100 {
                    kept = Array(kept.sorted { $0.line < $1.line }.prefix(Self.examplesMost))
                }
            }
        }
    }

    /// First row of a batch at or after the beginning of the next month, when time gets there with it.
    private func beginningOfMonth(in batch: EventBatch) -> Int? {
        guard let nextMonth, now < nextMonth else { return nil }
        return batch.rows.firstIndex { $0.time >= nextMonth }
    }

    /// Asks what the models in use say of every buyer, after everything before.
    private mutating func score() throws {
        try engine.settle()
        for page in engine.forecasts() {
            for forecast in page.forecasts {
                guard let buyer = history.buyer(forecast.user) else { continue }
                forecasts.append(
                    MadeForecast(
                        buyer: buyer, day: page.day, lastDay: forecast.lastDay, next: forecast.next,
                        churn: forecast.churn))
            }
        }
    }

    // MARK: Triggers

    private func writeTriggers(to path: String) throws -> TriggerTally {
        let file = try File(creating: path)
        var tally = TriggerTally(history, zone: settings.clock.zone)
        var after: Int64 = 0
        while true {
            let page = engine.triggers(after: after)
            try file.write(page.lines)
            for line in page.lines.split(separator: 0x0A) { tally.take(try JSONReader.parse(Array(line))) }
            if page.through >= page.last { return tally }
            after = page.through
        }
    }
}

/// Which data lines of the log the lines of a batch are.
private struct BatchPlace: Sendable {
    /// Number of the first line before any was left out.
    var start: UInt64
    /// Of each kept line its number from there; nil: all are kept.
    var lines: [UInt32]?
    private var skipped: UInt32 = 0

    init(start: UInt64, lines: [UInt32]?) {
        self.start = start
        self.lines = lines
    }

    /// What follows is of the lines after the next so many.
    mutating func skip(_ count: UInt32) { skipped += count }

    subscript(line: UInt32) -> UInt64 {
        let place = skipped + line
        return start + UInt64(lines?[Int(place)] ?? place)
    }
}

extension Zone {
    /// First instant of the month after that of an instant.
    fileprivate func startOfNextMonth(after instant: Int64) -> Int64 {
        let date = date(of: EventTime(microseconds: instant))
        let next = CalendarDate(
            year: date.month == 12 ? date.year + 1 : date.year, month: date.month % 12 + 1, day: 1)
        return start(of: next.dayNumber).microseconds
    }
}
