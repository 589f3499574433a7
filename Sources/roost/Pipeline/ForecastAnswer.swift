import Core
import Models

/// A forecast as `GET /v1/analytics/forecast` tells it.
struct ForecastAnswer {
    /// Days of the history that are shown.
    static let shown = 400

    let forecast: QuantityForecast
    /// Day of the first of `pieces`, and of the first of the days to come.
    let first: Int32
    let today: Int32
    /// Pieces a day, the last that of yesterday.
    let pieces: [Double]

    var members: [JSONValue.Member] {
        [
            .init("horizon", .integer(Int64(forecast.steps.count))), .init("history", history),
            .init("demand", demand), .init("chosen", .string(forecast.chosen.rawValue)),
            .init("interval", .number(QuantityForecast.interval)),
            .init("coverage", number(forecast.coverage)),
            .init("origins", .integer(Int64(forecast.origins))),
            .init("origins_calibrated", .integer(Int64(forecast.calibrated))), .init("forecast", steps),
            .init("total", .number(forecast.steps.reduce(0) { $0 + $1.quantity })), .init("peak", peak),
            .init("methods", methods), .init("decomposition", decomposition),
            .init("acf", .numbers(forecast.acf)), .init("pacf", .numbers(forecast.pacf)),
            .init("stationarity", stationarity),
        ]
    }

    private func day(_ number: Int32) -> JSONValue {
        var text: [UInt8] = []
        CalendarDate(dayNumber: number).appendText(to: &text)
        return .string(String(decoding: text, as: UTF8.self))
    }

    private func number(_ value: Double?) -> JSONValue {
        guard let value, value.isFinite else { return .null }
        return .number(value)
    }

    private var history: JSONValue {
        let hidden = max(0, pieces.count - ForecastAnswer.shown)
        return .array(
            pieces.indices.dropFirst(hidden).map { index in
                .object([
                    .init("day", day(first + Int32(index))), .init("quantity", .number(pieces[index])),
                ])
            })
    }

    private var demand: JSONValue {
        .object([
            .init("class", forecast.demand.kind.map { .string($0.rawValue) } ?? .null),
            .init("average_interval_d", number(forecast.demand.averageInterval)),
            .init("squared_variation", number(forecast.demand.squaredVariation)),
        ])
    }

    private var steps: JSONValue {
        .array(
            forecast.steps.enumerated().map { index, step in
                .object([
                    .init("day", day(today + Int32(index))), .init("quantity", .number(step.quantity)),
                    .init("low", number(step.low)), .init("high", number(step.high)),
                ])
            })
    }

    /// The day of the greatest quantity, the first of equals; null where nothing is expected.
    private var peak: JSONValue {
        guard let most = forecast.steps.map(\.quantity).max(), most > 0,
            let index = forecast.steps.firstIndex(where: { $0.quantity == most })
        else { return .null }
        return .object([
            .init("day", day(today + Int32(index))), .init("quantity", .number(most)),
        ])
    }

    private var methods: JSONValue {
        .array(
            forecast.scores.map { score in
                .object([
                    .init("method", .string(score.method.rawValue)),
                    .init("mae", .number(score.errors.meanAbsolute)),
                    .init("rmse", .number(score.errors.rootMeanSquare)),
                    .init("mase", number(score.errors.scaled)),
                    .init("rmsse", number(score.errors.rootScaledSquare)),
                    .init("mape", number(score.errors.percentage)), .init("coverage", number(score.coverage)),
                ])
            })
    }

    private var decomposition: JSONValue {
        guard let parts = forecast.decomposition else { return .null }
        let hidden = max(0, pieces.count - ForecastAnswer.shown)
        func shown(_ values: [Double?]) -> JSONValue { .array(values.dropFirst(hidden).map(number)) }
        return .object([
            .init("period_d", .integer(7)), .init("trend", shown(parts.trend)),
            .init("seasonal", shown(parts.seasonal)), .init("rest", shown(parts.rest)),
            .init("seasonal_strength", .number(parts.seasonalStrength)),
        ])
    }

    private var stationarity: JSONValue {
        guard let test = forecast.stationarity else { return .null }
        return .object([
            .init("test", .string("kpss")), .init("statistic", .number(test.statistic)),
            .init("p", .number(test.p)), .init("lags", .integer(Int64(test.lags))),
            .init("stationary", .bool(test.isStationary)),
        ])
    }
}
