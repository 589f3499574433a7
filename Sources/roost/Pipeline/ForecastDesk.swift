import Core
import Dispatch
import Engine
import Models

/// Makes forecasts on a queue of its own, one at a time, and keeps the last ones: as long as the days before today
/// are the same, so is the answer.
///
/// The first answer for a series takes the time of trying every method on it (about a second for a year of days);
/// further ones none. It runs at low priority, so that ingest goes before.
final class ForecastDesk: Sendable {
    /// Everything that a forecast depends on.
    struct Request: Hashable, Sendable {
        /// Pieces a day.
        var series: [Double]
        var others: [[Double]]
        var horizon: Int
        var seed: UInt64
    }

    private struct State {
        var answers: [Request: QuantityForecast] = [:]
        /// Oldest first.
        var order: [Request] = []
    }

    /// Answers kept.
    static let kept = 64
    private let queue = DispatchQueue(label: "roost.forecast", qos: .utility)
    private let state = Guarded(State())

    func forecast(_ request: Request) async -> QuantityForecast {
        if let known = state.value.answers[request] { return known }
        return await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.make(request)) }
        }
    }

    private func make(_ request: Request) -> QuantityForecast {
        if let known = state.value.answers[request] { return known }
        let made = QuantityForecast(
            request.series, others: request.others, horizon: request.horizon, seed: request.seed)
        state.update { state in
            state.answers[request] = made
            state.order.append(request)
            if state.order.count > ForecastDesk.kept {
                state.answers[state.order.removeFirst()] = nil
            }
        }
        return made
    }
}
