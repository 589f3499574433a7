import Core

/// What the events and users of a partition add up to, kept as they come: one table for each concern. Counts of events,
/// days and money are of all that happened; tables of users (by value, pairs, cohorts) give an erased user back.
struct Analytics: ~Copyable {
    var hour = LocalHour()
    var months = MonthMemory()
    var days = DayRows()
    var hours = HourRows()
    var values = ValueRows()
    /// The device test by media; and people.
    var mediaByDevice = PairRows(.media, .device)
    var ageByGender = PairRows(.ageBand, .gender)
    var cohorts = CohortRows()
    var facts = FactRows()
    var moves = MoveRows()
    var journeys = JourneyRows()
    var paths = PathRows()
    var sketch = ValueSketch()
    /// What the first segmentation compared users by when it was adopted, feature by feature.
    var features: [ValueSketch] = []
    /// Users who bought.
    var buyers: Int64 = 0
    /// Search terms and codes of promotions that have a number.
    var freeTexts: Int64 = 0

    init() {}

    var byteCount: Int {
        days.byteCount + hours.byteCount + values.byteCount + mediaByDevice.byteCount
            + ageByGender.byteCount + cohorts.byteCount + facts.byteCount + moves.byteCount
            + journeys.byteCount + paths.byteCount + sketch.byteCount
            + features.reduce(0) { $0 + $1.byteCount }
    }

    func write(to out: inout ByteWriter) {
        days.write(to: &out)
        hours.write(to: &out)
        values.write(to: &out)
        mediaByDevice.write(to: &out)
        ageByGender.write(to: &out)
        cohorts.write(to: &out)
        facts.write(to: &out)
        moves.write(to: &out)
        journeys.write(to: &out)
        paths.write(to: &out)
        sketch.write(to: &out)
        out.put(UInt64(features.count))
        for feature in features { feature.write(to: &out) }
        out.put(buyers)
        out.put(freeTexts)
    }

    init(from input: inout ByteReader) throws(StateError) {
        self.init()
        try days.read(from: &input)
        try hours.read(from: &input)
        try values.read(from: &input)
        try mediaByDevice.read(from: &input)
        try ageByGender.read(from: &input)
        try cohorts.read(from: &input)
        try facts.read(from: &input)
        try moves.read(from: &input)
        try journeys.read(from: &input)
        try paths.read(from: &input)
        sketch = try ValueSketch(from: &input)
        for _ in 0..<(try input.count(of: 80)) { features.append(try ValueSketch(from: &input)) }
        buyers = try input.get()
        freeTexts = try input.get()
    }
}
