/// What the aggregates of one partition may grow to. Views show no more than what every partition keeps.
enum AnalyticsLimits {
    /// Calendar days held one by one, today included; what is older is summed up in one row.
    static let days: Int32 = 1096
    /// Days beyond today that are held: a wall clock may be told to allow them.
    static let daysAhead: Int32 = 366
    /// Months, the present one included, of tables by month.
    static let months = 36
    /// Of days by payment method.
    static let paymentMonths = 4
    /// Of the cohorts.
    static let cohortMonths = 60
    /// Event names counted by day, and by hour of the week; those beyond count as `other`.
    static let dayNames = 272
    static let hourNames = 64
    /// Values of all dimensions; those beyond count as one.
    static let values = 4096
    /// Pairs of values of two dimensions.
    static let pairs = 2048
    /// Cells of the table of purchases.
    static let facts = 8192
    /// Beyond them, those of the values that found no room.
    static let factsOther = 2048
    static let moves = 4096
    /// Search terms and codes of promotions, which may be any text; those beyond count as one.
    static let freeTexts: Int64 = 1024
    static let journeys = 1024
}
