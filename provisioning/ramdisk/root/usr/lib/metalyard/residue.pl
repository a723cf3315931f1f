# Counts the bytes of a drive that are not zero: of all of it, or of a sample of blocks with head and tail.
# Prints: bytes read, blocks sampled, bytes that are not zero, offset of the first of them (-1: none).
# In Perl because thousands of reads at random places are one process here and thousands in a shell.
use strict;
use warnings;

my $BLOCK = 4096;
my $CHUNK = 4 * 1024 * 1024;

my ($path, $size, $mode, $blocks, $ends) = @ARGV;
my ($read, $sampled, $residue, $first) = (0, 0, 0, -1);
my $zeros = "\0" x $CHUNK;

open(my $drive, '<:raw', $path) or die "$path cannot be opened: $!\n";

# A short read is an error: what was not read is not proved.
sub examine {
    my ($offset, $length) = @_;
    sysseek($drive, $offset, 0) // die "offset $offset cannot be reached: $!\n";
    my $data = '';
    while (length($data) < $length) {
        my $got = sysread($drive, $data, $length - length($data), length($data));
        die "nothing can be read at offset $offset: $!\n" unless $got;
    }
    $read += $length;
    return if $data eq ($length == $CHUNK ? $zeros : "\0" x $length);
    $residue += ($data =~ tr/\0//c);
    $data =~ /[^\0]/;
    $first = $offset + $-[0] if $first < 0 || $offset + $-[0] < $first;
}

sub examine_range {
    my ($from, $to) = @_;
    while ($from < $to) {
        my $length = $to - $from < $CHUNK ? $to - $from : $CHUNK;
        examine($from, $length);
        $from += $length;
    }
}

my $all = int(($size - 2 * $ends) / $BLOCK);
if ($mode eq 'full' || $all <= $blocks) {
    examine_range(0, $size);
}
elsif ($mode eq 'sample') {
    examine_range(0, $ends);
    examine_range($size - $ends, $size);
    my %chosen;
    $chosen{int(rand($all))} = 1 while keys(%chosen) < $blocks;
    # In order, because drives and their caches like that.
    examine($ends + $_ * $BLOCK, $BLOCK) for sort { $a <=> $b } keys %chosen;
    $sampled = $blocks;
}
else {
    die "there is no mode $mode\n";
}
print "$read $sampled $residue $first\n";
