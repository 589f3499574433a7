import Core
import Engine
import Models

extension DaemonStatus {
    /// Whose quantities, from which day.
    private struct Subject {
        var of: [JSONValue.Member]
        var first: Int32
        var pieces: [Double]
        /// Series that end on the same day, for the network to learn from too.
        var others: [[Double]] = []
        var isComplete = true
    }

    /// Further series a forecast learns from, at most.
    private static let others = 7

    func forecast(_ asked: ForecastQuestion) async throws(StatusFailure) -> JSONValue {
        let clock = await sequencer.ledger.clock
        let asOf = clock.now > EventTime.distantPast.microseconds ? EventTime(microseconds: clock.now) : nil
        let today = asOf.map { settings.clock.zone.day(of: $0) } ?? 0
        let subject: Subject
        if let id = asked.user {
            subject = try await customer(id, asked, before: today)
        } else {
            subject = try await shop(asked.category, before: today)
        }
        let made = await forecasts.forecast(
            ForecastDesk.Request(
                series: subject.pieces, others: subject.others, horizon: asked.horizon,
                seed: settings.models.seed))
        let answer = ForecastAnswer(
            forecast: made, first: subject.first, today: today, pieces: subject.pieces)
        return .object(
            [
                .init("name", .string("forecast")),
                .init("as_of", asOf.map { .string($0.description) } ?? .null),
                .init("timezone", .string(settings.clock.zone.name)), .init("of", .object(subject.of)),
                .init("complete", .bool(subject.isComplete)),
            ] + answer.members)
    }

    /// A user's quantities out of the purchases that are kept of them (`limits.recent_purchases`).
    private func customer(
        _ id: [UInt8], _ asked: ForecastQuestion, before today: Int32
    ) async throws(StatusFailure) -> Subject {
        guard let user = await user(id) else {
            throw StatusFailure(
                httpStatus: 404, code: "unknown_user", detail: "no event of this user has been seen")
        }
        var of = [JSONValue.Member("user", .string(String(decoding: id, as: UTF8.self)))]
        if let item = asked.item { of.append(.init("item", .string(item))) }
        if let category = asked.category { of.append(.init("category", .string(category))) }
        let zone = settings.clock.zone
        let days = user.recentPurchases.map { zone.day(of: $0.at) }
        guard let first = days.min(), first < today else {
            return Subject(of: of, first: today, pieces: [])
        }
        var pieces = [Double](repeating: 0, count: Int(today - first))
        for (day, purchase) in zip(days, user.recentPurchases) where day < today {
            pieces[Int(day - first)] += quantity(purchase, asked)
        }
        let kept = Int64(user.recentPurchases.count)
        return Subject(
            of: of, first: first, pieces: pieces,
            isComplete: kept == user.purchases?.count ?? 0)
    }

    private func quantity(_ purchase: PurchaseView, _ asked: ForecastQuestion) -> Double {
        if purchase.items.isEmpty { return asked.item == nil && asked.category == nil ? 1 : 0 }
        return purchase.items.reduce(0) { sum, item in
            if let wanted = asked.item, wanted != item.itemID { return sum }
            if let wanted = asked.category, wanted != item.category { return sum }
            return sum + Double(item.quantity) / 1e6
        }
    }

    private func shop(_ category: String?, before today: Int32) async throws(StatusFailure) -> Subject {
        var totals = QuantityTotals()
        for shard in shards { totals.add(await shard.quantityTotals(today: today)) }
        var subject: Subject
        if let category {
            guard let row = totals.categories[category] else {
                throw StatusFailure(
                    httpStatus: 404, code: "unknown_category",
                    detail: "nothing of a category \(category.prefix(100)) has been bought")
            }
            let (first, pieces) = row.pieces(before: today)
            subject = Subject(of: [.init("category", .string(category))], first: first, pieces: pieces)
            subject.others.append(totals.shop.pieces(before: today).pieces)
            subject.isComplete = !totals.isCrowded
        } else {
            let (first, pieces) = totals.shop.pieces(before: today)
            subject = Subject(of: [.init("shop", .bool(true))], first: first, pieces: pieces)
        }
        subject.others += Self.largest(totals, but: category, before: today)
        return subject
    }

    /// The largest categories, by quantity and then name.
    private static func largest(
        _ totals: QuantityTotals, but category: String?, before today: Int32
    ) -> [[Double]] {
        var rows: [(name: String, pieces: [Double], sum: Double)] = []
        for (name, row) in totals.categories where name != category {
            let pieces = row.pieces(before: today).pieces
            rows.append((name, pieces, pieces.reduce(0, +)))
        }
        rows.sort { a, b in a.sum != b.sum ? a.sum > b.sum : a.name < b.name }
        return rows.prefix(others).map(\.pieces)
    }
}
