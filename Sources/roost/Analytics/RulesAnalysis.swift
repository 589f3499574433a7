import Core
import Dispatch
import Engine
import Models

/// `GET /v1/analytics/rules`: what is bought together, and how often each item is recommended.
struct RulesAnalysis: Sendable {
    static let name = "rules"
    static let parameters = ["by", "segment", "min_support", "min_baskets", "limit"]

    private var question = BasketStatistics.Question()
    private var segment: String?

    /// Refuses parameters that are not its own, and values that cannot be.
    init(_ query: [Named<String>]) throws(StatusFailure) {
        for parameter in query {
            switch parameter.name {
            case "by":
                guard ["item", "category"].contains(parameter.value) else {
                    throw Self.bad("by", "must be item or category")
                }
                question.byCategory = parameter.value == "category"
            case "segment": segment = parameter.value
            case "min_support":
                guard let share = Double(parameter.value), (0...1).contains(share) else {
                    throw Self.bad("min_support", "must be a number from 0 to 1")
                }
                question.minimumSupport = share
            case "min_baskets": question.minimumBaskets = try Self.number(parameter, 1...1_000_000_000)
            case "limit": question.limit = try Self.number(parameter, 1...10_000)
            default:
                throw Self.bad(
                    parameter.name,
                    "unknown parameter; known here: \(Self.parameters.joined(separator: ", "))")
            }
        }
    }

    private static func number(
        _ parameter: Named<String>, _ range: ClosedRange<Int>
    ) throws(StatusFailure) -> Int {
        guard let number = Int(parameter.value), range.contains(number) else {
            throw bad(
                parameter.name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func bad(_ name: String, _ why: String) -> StatusFailure {
        StatusFailure(httpStatus: 400, code: "bad_parameter", detail: "\(name): \(why)")
    }

    /// - Parameter model: the recommendations in use, if any.
    func answer(
        _ shards: [Shard], asOf: EventTime, model: ModelView?
    ) async throws(StatusFailure) -> JSONValue {
        let columns = await gather(shards)
        var question = question
        if let segment {
            guard let number = columns.input.segmentNames.firstIndex(of: segment), !segment.isEmpty else {
                throw StatusFailure(
                    httpStatus: 404, code: "unknown_segment",
                    detail: "no segment is called \(segment.prefix(100))")
            }
            question.segment = UInt8(number + 1)
        }
        let mined = await mine(columns.input, question)
        var members: [JSONValue.Member] = [
            .init("as_of", .string(asOf.description)),
            .init("by", .string(question.byCategory ? "category" : "item")),
            .init("users", .integer(Int64(columns.rows))),
            .init("lines", .integer(Int64(columns.input.lineUsers.count))),
            .init("lines_forgotten", .integer(columns.forgottenLines)),
        ]
        if case .object(let statistics) = JSONValue(mined) { members += statistics }
        if let model, model.adopted, let recommended = model.parameters["recommended"] {
            members.append(.init("recommended", recommended))
        }
        return .object(members)
    }

    private func gather(_ shards: [Shard]) async -> RecommendationColumns {
        var parts: [(partition: Int, columns: RecommendationColumns)] = []
        for shard in shards { parts += await shard.recommendationColumns() }
        var columns = RecommendationColumns()
        for part in parts.sorted(by: { $0.partition < $1.partition }) { columns.append(part.columns) }
        return columns
    }

    /// Counting may take a second: not on a thread that others wait for.
    private func mine(
        _ input: RecommendationsInput, _ question: BasketStatistics.Question
    ) async -> [Tree.Member] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(returning: BasketStatistics(input, question).members)
            }
        }
    }
}
