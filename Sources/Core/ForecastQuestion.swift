/// What `GET /v1/analytics/forecast` is asked: quantities of the shop, of a category, of a user, or of a user's
/// item or category.
package struct ForecastQuestion: Sendable, Equatable {
    /// Days ahead, today the first.
    package static let horizons: ClosedRange<Int64> = 1...90
    package static let defaultHorizon: Int64 = 12

    package var user: [UInt8]?
    package var item: String?
    package var category: String?
    package var horizon: Int
    package init(user: [UInt8]?, item: String?, category: String?, horizon: Int) {
        self.user = user
        self.item = item
        self.category = category
        self.horizon = horizon
    }
}
